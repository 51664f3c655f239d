# frozen_string_literal: true

require "tasker_core/indifferent_hash"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # What a template says of the handler of a step.
    class HandlerDefinition < Value
      # The method of a handler whose definition names none.
      DEFAULT_METHOD = "call"

      # The handler's name; configuration for it; the method to call, which is `method` in templates; and the one resolver to
      # ask, where not all are asked.
      attribute :callable, Kinds::STRING
      attribute :initialization, Kinds::OBJECT, default: -> { {} }
      attribute? :handler_method, Kinds::STRING
      attribute? :resolver, Kinds::STRING

      # Reads the definition of a handler in any form: its name, the `handler` of a step, or a wrapper of that.
      def self.of(spec)
        case spec
        when self then spec
        when String, Symbol then new(callable: spec.to_s)
        when Hash then read(IndifferentHash.wrap(spec))
        else wrapped(spec)
        end
      end

      # The definition of a handler of which a template tells no more than the name, as most do: it is made once.
      def self.named(callable)
        known = @named || {}
        known[callable] || new(callable: callable, initialization: {}.freeze).tap { |one| @named = known.merge(callable => one) }
      end

      def self.wrapped(spec)
        initialization = spec.initialization
        return named(spec.callable) if initialization.empty? && spec.handler_method.nil? && spec.resolver.nil?

        new(
          callable: spec.callable, initialization: initialization.to_h, handler_method: spec.handler_method,
          resolver: spec.resolver
        )
      end

      def self.read(said)
        new(
          callable: said["callable"] || "", initialization: said["initialization"] || {}, resolver: said["resolver"],
          handler_method: said["method"] || said["handler_method"]
        )
      end
      private_class_method :named, :wrapped, :read

      # The method to call.
      def effective_method
        handler_method.nil? || handler_method.empty? ? DEFAULT_METHOD : handler_method
      end

      # Whether another method than `call` is wanted.
      def uses_method_dispatch?
        effective_method != DEFAULT_METHOD
      end

      # Whether one resolver is named.
      def has_resolver_hint?
        !resolver.nil? && !resolver.empty?
      end
    end
  end
end
