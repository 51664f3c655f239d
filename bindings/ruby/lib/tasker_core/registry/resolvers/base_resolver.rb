# frozen_string_literal: true

require "tasker_core/types/handler_definition"

module TaskerCore
  module Registry
    module Resolvers
      # Finds handlers in one way. A ResolverChain asks several, lowest priority first.
      class BaseResolver
        # What a template calls the resolver by.
        def name
          self.class.name || "resolver"
        end

        # When the resolver is asked: the built-in ones have 10 and 100.
        def priority
          50
        end

        # Whether the resolver knows the handler.
        def can_resolve?(_definition, _config)
          raise NotImplementedError, "#{self.class} does not say which handlers it knows: write can_resolve?"
        end

        # The handler, ready to be called; nil if it is not known.
        def resolve(_definition, _config)
          raise NotImplementedError, "#{self.class} does not say what its handlers are: write resolve"
        end

        # The names that are known beforehand. A resolver by pattern has none.
        def registered_callables
          []
        end
      end
    end
  end
end
