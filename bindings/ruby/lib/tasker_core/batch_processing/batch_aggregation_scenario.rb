# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/models/dependency_results_wrapper"

module TaskerCore
  module BatchProcessing
    # A batchable step and its workers, as the step that brings them together sees them.
    class BatchAggregationScenario
      # `:no_batches` or `:with_batches`; what the batchable step returned; what the workers returned, by step name; and how
      # many there were.
      attr_reader :type, :batchable_result, :batch_results, :worker_count

      # Finds the batchable step and its workers among the results of earlier steps. Raises {Errors::PermanentError} if the
      # batchable step has no result, or made batches of which none has one.
      def self.detect(dependency_results, batchable_step_name, batch_worker_prefix)
        new(dependency_results, batchable_step_name, batch_worker_prefix)
      end

      def initialize(dependency_results, batchable_step_name, batch_worker_prefix)
        results = results_in(dependency_results)
        @batchable_result = results.get_results(batchable_step_name)
        unless @batchable_result.is_a?(Hash)
          raise Errors::PermanentError, "there is no result of the batchable step #{batchable_step_name.to_s.inspect}"
        end

        none = @batchable_result.dig("batch_processing_outcome", "type") == "no_batches"
        @batch_results = none ? {} : workers(results, batchable_step_name.to_s, batch_worker_prefix.to_s)
        @type = none ? :no_batches : :with_batches
        @worker_count = @batch_results.size
      end

      def no_batches?
        type == :no_batches
      end

      def with_batches?
        type == :with_batches
      end

      private

      def results_in(source)
        source = source.dependency_results if source.respond_to?(:dependency_results)
        source.is_a?(Models::DependencyResultsWrapper) ? source : Models::DependencyResultsWrapper.new(source)
      end

      def workers(results, batchable, prefix)
        names = results.keys.select { |name| name.start_with?(prefix) && name != batchable }
        if names.empty?
          raise Errors::PermanentError,
                "step #{batchable.inspect} made batches, but no step named #{prefix.inspect}... has a result"
        end

        names.to_h { |name| [name, results.get_results(name) || {}] }
      end
    end
  end
end
