# frozen_string_literal: true

require "tasker_core/registry/handler_factory"
require "tasker_core/registry/resolvers/base_resolver"

module TaskerCore
  module Registry
    module Resolvers
      # The base of resolvers that applications write, for handlers whose names match a pattern or begin with a prefix.
      #
      #     class PaymentResolver < TaskerCore::Registry::Resolvers::RegistryResolver
      #       handles_prefix "payments."
      #       register_handler "payments.charge", ChargeHandler
      #     end
      class RegistryResolver < BaseResolver
        class << self
          # What the names match or begin with, and the handlers of the class.
          attr_reader :pattern, :prefix, :handlers

          # Knows the names that a regular expression matches; one in text matches all of the name.
          def handles_pattern(pattern)
            @pattern = pattern.is_a?(Regexp) ? pattern : /\A(?:#{pattern})\z/
          end

          def handles_prefix(prefix)
            @prefix = prefix.to_s
          end

          def register_handler(key, handler_or_class)
            handlers[key.to_s] = handler_or_class
          end

          # When the resolver is asked; between registered names and classes by default.
          def priority_value(value)
            @priority_value = value
          end

          # What templates call the resolver by; the name of its class by default.
          def resolver_name(value)
            @resolver_name = value.to_s
          end

          def configured_priority
            @priority_value || 50
          end

          def configured_name
            @resolver_name || name || "registry_resolver"
          end

          def inherited(subclass)
            super
            subclass.instance_exec(pattern, prefix, handlers) do |pattern, prefix, handlers|
              @pattern = pattern
              @prefix = prefix
              @handlers = handlers.dup
            end
          end
        end
        @handlers = {}

        def initialize
          super
          @handlers = self.class.handlers.dup
        end

        def name
          self.class.configured_name
        end

        def priority
          self.class.configured_priority
        end

        # Whether the handler was registered here, or its name matches.
        def can_resolve?(definition, _config)
          callable = definition.callable
          return true if @handlers.key?(callable)
          return self.class.pattern.match?(callable) if self.class.pattern

          !self.class.prefix.nil? && callable.start_with?(self.class.prefix)
        end

        # The handler that was registered under the name; else what `resolve_handler` makes of it, if a class has one.
        def resolve(definition, config)
          return nil unless can_resolve?(definition, config)

          registered = @handlers[definition.callable]
          return HandlerFactory.make(registered, definition) if registered

          respond_to?(:resolve_handler) ? resolve_handler(definition, config) : nil
        end

        def registered_callables
          @handlers.keys.sort
        end

        def register(key, handler)
          @handlers[key.to_s] = handler
          self
        end

        def unregister(key)
          @handlers.delete(key.to_s)
        end
      end
    end
  end
end
