# frozen_string_literal: true

module TaskerCore
  module StepHandler
    module Functional
      # What the block of a decision handler returns: which of the steps below it are created.
      class Decision
        # `create_steps` or `no_branches`; the steps; why there are none; and what is kept of the decision.
        attr_reader :type, :steps, :reason, :routing_context

        # Chooses steps by their names in the template. The context says why, and is part of the step's result.
        def self.route(steps, **routing_context)
          new("create_steps", Array(steps).map(&:to_s), nil, routing_context)
        end

        # Chooses no step.
        def self.skip(reason, **routing_context)
          new("no_branches", [], reason, routing_context)
        end

        def initialize(type, steps, reason, routing_context)
          @type = type
          @steps = steps
          @reason = reason
          @routing_context = routing_context || {}
        end
      end
    end
  end
end
