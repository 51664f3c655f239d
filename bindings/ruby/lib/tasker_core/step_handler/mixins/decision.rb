# frozen_string_literal: true

require "tasker_core/errors"
require "tasker_core/types/decision_point_outcome"

module TaskerCore
  module StepHandler
    module Mixins
      # For handlers of steps of type `decision`, which choose the steps that are created below them.
      module Decision
        def capabilities
          (defined?(super) ? super : []) + %w[decision_point dynamic_workflow step_creation]
        end

        def config_schema
          (defined?(super) ? super : { type: "object" }).merge(
            properties: {
              decision_thresholds: { type: "object", description: "what the decision is made by" },
              decision_metadata: { type: "object", description: "what is kept with it" }
            }
          )
        end

        # Chooses steps by their names in the template. `result_data` is the rest of the step's result.
        def decision_success(steps:, result_data: {}, metadata: {})
          decided(Types::DecisionPointOutcome.create_steps(steps), result_data, metadata)
        end

        # Chooses no step.
        def decision_no_branches(result_data: {}, metadata: {})
          decided(Types::DecisionPointOutcome.no_branches, result_data, metadata)
        end

        # Raises {Errors::ValidationError} unless this is an outcome, or a Hash in the shape of one.
        def validate_decision_outcome!(outcome)
          valid = case outcome
                  when Types::DecisionPointOutcome::NoBranches, Types::DecisionPointOutcome::CreateSteps then outcome
                  when Hash then Types::DecisionPointOutcome.from_hash(outcome)
                  end
          return valid if valid

          raise Errors::ValidationError, "#{outcome.inspect[0, 200]} is no decision: its type is no_branches or create_steps"
        end

        # Returns a decision that was made before.
        def decision_with_custom_outcome(outcome:, result_data: {}, metadata: {})
          decided(validate_decision_outcome!(outcome), result_data, metadata)
        end

        private

        def decided(outcome, result_data, metadata)
          success(result: (result_data || {}).to_h.merge(decision_point_outcome: outcome.to_h), metadata: metadata)
        end
      end
    end
  end
end
