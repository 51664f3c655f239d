# frozen_string_literal: true

require "tasker_core/indifferent_hash"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # What a decision step decides: which of the steps below it are created.
    module DecisionPointOutcome
      # None.
      class NoBranches < Value
        attribute :type, Kinds.one_of("no_branches"), default: "no_branches"

        def requires_step_creation?
          false
        end

        def step_names
          []
        end
      end

      # Those of some names.
      class CreateSteps < Value
        attribute :type, Kinds.one_of("create_steps"), default: "create_steps"
        attribute :step_names, Kinds.where(Kinds::STRINGS, "a list of at least one step's name") { |names| !names.empty? }

        def requires_step_creation?
          true
        end
      end

      class << self
        def no_branches
          NoBranches.new
        end

        # Chooses steps by their names in the template, each once.
        def create_steps(step_names)
          CreateSteps.new(step_names: Array(step_names).map(&:to_s).uniq)
        end

        # Reads an outcome as it travels, alone or within a result; nil if there is none.
        def from_hash(hash)
          said = IndifferentHash.wrap(hash)
          return nil unless said.is_a?(Hash)

          said = said["decision_point_outcome"] if said["decision_point_outcome"].is_a?(Hash)
          case said["type"]
          when "no_branches" then no_branches
          when "create_steps" then said["step_names"].is_a?(Array) ? create_steps(said["step_names"]) : nil
          end
        end
      end
    end
  end
end
