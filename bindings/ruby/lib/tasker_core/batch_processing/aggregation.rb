# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module BatchProcessing
    # The sum over what the workers of a batchable step returned.
    module Aggregation
      # The most errors that are kept; all are counted.
      MAX_ERRORS = 100

      # A worker without a result is left out. `success_rate` is succeeded of processed, from 0.0 to 1.0.
      def self.sum(worker_results)
        told = worker_results.compact.map { |result| IndifferentHash.wrap(result) }
        total = %w[processed succeeded failed skipped].to_h do |what|
          [:"total_#{what}", told.sum { |result| result["items_#{what}"] || 0 }]
        end
        errors = told.flat_map { |result| result["errors"] || [] }
        processed = total[:total_processed]
        total.merge(
          batch_count: told.size,
          success_rate: processed.zero? ? 0.0 : total[:total_succeeded].fdiv(processed),
          errors: errors.first(MAX_ERRORS),
          error_count: errors.size
        )
      end
    end
  end
end
