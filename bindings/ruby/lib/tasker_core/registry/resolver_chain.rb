# frozen_string_literal: true

require "tasker_core/logger"
require "tasker_core/registry/method_dispatch_wrapper"
require "tasker_core/registry/resolvers"

module TaskerCore
  module Registry
    # Asks resolvers for handlers, lowest priority first; among equals, the one added first.
    class ResolverChain
      # A template names a resolver that the chain does not have.
      class ResolverNotFoundError < StandardError; end

      # A handler is known but cannot be had; the cause, if there is one, says why.
      class ResolutionError < StandardError; end

      # A chain with the built-in resolvers.
      def self.default
        new.add_resolver(Resolvers::ExplicitMappingResolver.new).add_resolver(Resolvers::ClassConstantResolver.new)
      end

      def initialize
        @resolvers = []
        @lock = Mutex.new
      end

      # Adds a resolver, in place of one of the same name.
      def add_resolver(resolver)
        @lock.synchronize do
          others = @resolvers.reject { |other| other.name == resolver.name }
          @resolvers = [*others, resolver].each_with_index.sort_by { |other, index| [other.priority, index] }.map(&:first)
        end
        self
      end

      # Removes a resolver, and returns it.
      def remove_resolver(name)
        @lock.synchronize do
          removed = get_resolver(name)
          @resolvers -= [removed]
          removed
        end
      end

      def get_resolver(name)
        @resolvers.find { |resolver| resolver.name == name.to_s }
      end

      # The resolver of registered names.
      def explicit_resolver
        get_resolver("explicit_mapping")
      end

      # The handler that a definition names, ready for its method to be called by `call`; nil if no resolver knows it. A
      # resolver that fails is logged, and the next one is asked.
      #
      # Raises {ResolverNotFoundError} if the definition names a resolver that is not there, and {ResolutionError} if the handler
      # cannot be had: the resolver that is named does not know it, it has no such method, or making it failed.
      def resolve(definition, config = {})
        definition = Types::HandlerDefinition.of(definition)
        handler = definition.has_resolver_hint? ? hinted(definition, config) : first(definition, config)
        handler && wrap_for_method_dispatch(handler, definition)
      end

      # Whether a resolver knows the handler.
      def can_resolve?(definition, config = {})
        definition = Types::HandlerDefinition.of(definition)
        asked = definition.has_resolver_hint? ? [get_resolver(definition.resolver)].compact : @resolvers
        asked.any? { |resolver| resolver.can_resolve?(definition, config) }
      end

      # The names that resolvers know beforehand, sorted.
      def registered_callables
        @resolvers.flat_map(&:registered_callables).uniq.sort
      end

      # Registers a handler with the resolver of registered names.
      def register(key, handler)
        resolver = explicit_resolver
        raise ResolverNotFoundError, "the chain has no explicit_mapping resolver to register with" unless resolver

        resolver.register(key, handler)
        self
      end

      # The resolvers in the order in which they are asked.
      def chain_info
        @resolvers.map do |resolver|
          { name: resolver.name, priority: resolver.priority, resolver: resolver.class.name,
            callables: resolver.registered_callables }
        end
      end

      def size
        @resolvers.size
      end

      def resolver_names
        @resolvers.map(&:name)
      end

      # Lets `call` be the method that the definition names.
      def wrap_for_method_dispatch(handler, definition)
        return handler unless definition.uses_method_dispatch?

        MethodDispatchWrapper.new(handler, definition.effective_method)
      rescue MethodDispatchWrapper::MethodNotAllowedError => e
        raise ResolutionError, e.message, cause: nil
      end

      private

      def hinted(definition, config)
        resolver = get_resolver(definition.resolver)
        unless resolver
          raise ResolverNotFoundError,
                "no resolver is called #{definition.resolver.inspect}; there are: #{resolver_names.join(", ")}"
        end

        handler = attempt(resolver, definition, config)
        return handler if handler

        raise ResolutionError, "resolver #{resolver.name} does not know #{definition.callable.inspect}"
      end

      def first(definition, config)
        failure = nil
        @resolvers.each do |resolver|
          handler = attempt(resolver, definition, config) if resolver.can_resolve?(definition, config)
          return handler if handler
        rescue StandardError => e
          Logger.instance.warn("#{e.message}; the next resolver is asked")
          failure ||= e
        end
        failure ? raise(failure) : nil
      end

      def attempt(resolver, definition, config)
        resolver.resolve(definition, config)
      rescue StandardError => e
        raise ResolutionError, "resolver #{resolver.name} failed on #{definition.callable.inspect}: #{e.message}"
      end
    end
  end
end
