# frozen_string_literal: true

require "tasker_core/batch_processing/ranges"
require "tasker_core/errors/tree"
require "tasker_core/step_handler/functional/batch_config"
require "tasker_core/step_handler/functional/decision"
require "tasker_core/types/batch_processing_outcome"
require "tasker_core/types/decision_point_outcome"
require "tasker_core/types/step_handler_call_result"

module TaskerCore
  module StepHandler
    module Functional
      # What blocks return, as results of steps.
      module Output
        class << self
          # Makes a result of a decision, of batches, or of anything that a class handler may return.
          def result(returned, worker_template = nil)
            case returned
            when Decision then decided(returned)
            when BatchConfig then batches(returned, worker_template)
            else Types::StepHandlerCallResult.from_handler_output(returned)
            end
          end

          private

          def decided(decision)
            outcome = if decision.type == "create_steps"
                        Types::DecisionPointOutcome.create_steps(decision.steps)
                      else
                        Types::DecisionPointOutcome.no_branches
                      end
            told = { decision_point_outcome: outcome.to_h, reason: decision.reason }.compact
            Types::StepHandlerCallResult.success(result: decision.routing_context.merge(told))
          end

          def batches(config, worker_template)
            unless worker_template
              raise Errors::ConfigurationError, "batches need the step that their workers are made from: use batch_analyzer"
            end

            ranges = BatchProcessing::Ranges.of_size(config.total_items, config.batch_size)
            told = { batch_processing_outcome: outcome(ranges, config, worker_template).to_h }
            told[:batch_metadata] = config.metadata unless config.metadata.empty?
            Types::StepHandlerCallResult.success(result: told)
          end

          def outcome(ranges, config, worker_template)
            return Types::BatchProcessingOutcome.no_batches if ranges.empty?

            Types::BatchProcessingOutcome.create_batches(
              worker_template_name: worker_template.to_s, worker_count: ranges.size, cursor_configs: ranges,
              total_items: config.total_items
            )
          end
        end
      end
    end
  end
end
