# frozen_string_literal: true

require "tasker_core/registry/handler_factory"
require "tasker_core/registry/resolvers/base_resolver"

module TaskerCore
  module Registry
    module Resolvers
      # Knows the handlers that were registered by name: classes, objects and blocks.
      class ExplicitMappingResolver < BaseResolver
        PRIORITY = 10

        attr_reader :name

        def initialize(resolver_name = "explicit_mapping")
          super()
          @name = resolver_name
          @handlers = {}
          @lock = Mutex.new
        end

        # The first to be asked.
        def priority
          PRIORITY
        end

        def can_resolve?(definition, _config)
          registered?(definition.callable)
        end

        def resolve(definition, _config)
          registered = self[definition.callable]
          registered && HandlerFactory.make(registered, definition)
        end

        def registered_callables
          @handlers.keys.sort
        end

        # Registers a handler, in place of one that has the name.
        def register(key, handler)
          @lock.synchronize { @handlers = @handlers.merge(key.to_s => handler) }
          self
        end

        # Forgets a handler, and returns it.
        def unregister(key)
          @lock.synchronize do
            removed = @handlers[key.to_s]
            @handlers = @handlers.except(key.to_s)
            removed
          end
        end

        # What was registered under a name, as it was given.
        def [](key)
          @handlers[key.to_s]
        end

        def registered?(key)
          @handlers.key?(key.to_s)
        end

        def clear!
          @lock.synchronize { @handlers = {} }
        end

        def size
          @handlers.size
        end
      end
    end
  end
end
