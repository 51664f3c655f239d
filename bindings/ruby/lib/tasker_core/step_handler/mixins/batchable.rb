# frozen_string_literal: true

require "tasker_core/batch_processing"
require "tasker_core/types/batch_processing_outcome"
require "tasker_core/types/step_handler_call_result"

module TaskerCore
  module StepHandler
    module Mixins
      # For handlers that split work, do a part of it, or bring the parts together. Positions count from 0.
      module Batchable
        def capabilities
          (defined?(super) ? super : []) + %w[batchable batch_processing parallel_execution cursor_based deferred_convergence]
        end

        # Splitting.

        # Divides items among workers evenly; what remains goes to the first of them. A block may change each range: it is
        # given the range and its index.
        def create_cursor_configs(total_items, worker_count, &block)
          configs = BatchProcessing::Ranges.for_workers(total_items, worker_count)
          configs.each_with_index(&block) if block_given?
          configs
        end

        # Says that there is nothing to do, and why.
        def no_batches_outcome(reason:, metadata: {})
          outcome = Types::BatchProcessingOutcome.no_batches
          Types::StepHandlerCallResult.success(
            result: { batch_processing_outcome: outcome.to_h, reason: reason }, metadata: metadata
          )
        end

        # Asks for one worker step for each range, made from the template's step of type `batch_worker`. Without ranges there
        # is nothing to do.
        def create_batches_outcome(worker_template_name:, cursor_configs:, total_items:, metadata: {})
          outcome = if cursor_configs.empty?
                      Types::BatchProcessingOutcome.no_batches
                    else
                      Types::BatchProcessingOutcome.create_batches(
                        worker_template_name: worker_template_name, worker_count: cursor_configs.size,
                        cursor_configs: cursor_configs, total_items: total_items
                      )
                    end
          Types::StepHandlerCallResult.success(result: { batch_processing_outcome: outcome.to_h }, metadata: metadata)
        end

        # Working on a batch.

        # The batch that this worker step works off.
        def get_batch_context(context)
          BatchProcessing::BatchWorkerContext.from_step_data(context)
        end

        # The result of a worker that has nothing to do; nil if this one has. Ask this first.
        def handle_no_op_worker(context)
          batch = context.is_a?(BatchProcessing::BatchWorkerContext) ? context : get_batch_context(context)
          return nil unless batch.no_op?

          idle = batch_worker_success(items_processed: 0, items_succeeded: 0)
          idle.with(result: idle.result.merge(batch_id: batch.batch_id, no_op: true))
        end

        # Says that a batch is done.
        def batch_worker_success(items_processed:, items_succeeded:, items_failed: 0, items_skipped: 0, last_cursor: nil,
                                 results: nil, errors: nil, metadata: {})
          done = { items_processed: items_processed, items_succeeded: items_succeeded, items_failed: items_failed,
                   items_skipped: items_skipped, last_cursor: last_cursor, batch_metadata: {} }
          done[:results] = results unless results.nil?
          done[:errors] = errors unless errors.nil?
          Types::StepHandlerCallResult.success(result: done, metadata: metadata)
        end

        # Saves how far the work got. The step is handed out again and goes on from there; that is no new attempt. The cursor
        # may have any form that the handler likes; `items_processed` counts all that is done.
        def checkpoint_yield(cursor:, items_processed:, accumulated_results: nil)
          Types::StepHandlerCallResult.checkpoint_yield(
            cursor: cursor, items_processed: items_processed, accumulated_results: accumulated_results
          )
        end

        # Bringing batches together.

        # Finds the batchable step and its workers among the results of earlier steps: those of a context, or a Hash of them.
        def detect_aggregation_scenario(sequence, analyzer_step_name, batch_worker_prefix)
          BatchProcessing::BatchAggregationScenario.detect(sequence, analyzer_step_name, batch_worker_prefix)
        end

        # What an earlier step returned, or what is found in it; nil where the way ends.
        def get_dependency_result(sequence, step_name, *keys)
          keys.reduce(sequence.get_dependency_result(step_name)) do |value, key|
            value.is_a?(Hash) ? value[key] : nil
          end
        end

        # The sum over no batches.
        def no_batches_aggregation_result(metadata: {})
          aggregated(BatchProcessing::Aggregation.sum([]).merge(metadata.to_h), 0, "no_batches")
        end

        # Brings the workers' results together: a block is given what they returned, by step name, and makes a Hash of it.
        # Without a block numbers are added up. `zero_metrics` is the result if there was nothing to do.
        def aggregate_batch_worker_results(scenario, zero_metrics: {})
          return no_batches_aggregation_result(metadata: zero_metrics) if scenario.no_batches?

          results = scenario.batch_results
          sum = block_given? ? yield(results) : BatchProcessing::Aggregation.sum(results.values)
          aggregated(sum, scenario.worker_count, "with_batches")
        end

        private

        def aggregated(sum, worker_count, scenario)
          Types::StepHandlerCallResult.success(result: sum.to_h.merge(worker_count: worker_count, scenario: scenario))
        end
      end
    end
  end
end
