# frozen_string_literal: true

module TaskerCore
  module Registry
    # A handler whose `call` is another method of the one it wraps.
    #
    # Method names come from templates, that is from outside. So only public methods can be named that take the context and
    # that the handler's own classes define: none that it inherited from this gem or from Ruby. A class that sets
    # `handler_methods` allows just those.
    class MethodDispatchWrapper
      # The handler has no such method, or does not allow it.
      class MethodNotAllowedError < StandardError; end

      attr_reader :handler, :target_method

      # Raises {MethodNotAllowedError} unless templates may name the method.
      def initialize(handler, target_method)
        @handler = handler
        @target_method = target_method.to_sym
        return if self.class.allowed?(handler, @target_method)

        raise MethodNotAllowedError,
              "#{handler.class} has no method #{target_method.to_s.inspect} for templates; " \
              "it has: #{self.class.allowed_methods(handler).join(", ")}"
      end

      def call(context)
        handler.public_send(target_method, context)
      end

      # The handler that is wrapped.
      def unwrap
        handler
      end

      # The methods of a handler that templates may name, sorted.
      def self.allowed_methods(handler)
        (declared(handler) || handler.public_methods).uniq.select { |name| allowed?(handler, name) }.sort
      end

      # Whether templates may name a method of a handler.
      def self.allowed?(handler, name)
        names = declared(handler)
        known = names ? names.include?(name) : name == :call || of_application?(handler, name)
        known && takes_context?(handler, name)
      end

      def self.declared(handler)
        handler.class.handler_methods&.map(&:to_sym) if handler.class.respond_to?(:handler_methods)
      end

      # Whether the application's own classes and modules define a method: not if it only overrides one of this gem or of all
      # objects.
      def self.of_application?(handler, name)
        return true if handler.singleton_methods.include?(name)

        ours, theirs = handler.class.ancestors.partition { |kind| Object <= kind || kind.name.to_s.start_with?("TaskerCore::") }
        theirs.any? { |kind| kind.public_method_defined?(name, false) } && ours.none? { |kind| kind.method_defined?(name, false) }
      end

      def self.takes_context?(handler, name)
        return false unless handler.respond_to?(name)

        arity = handler.method(name).arity
        arity == 1 || (arity.negative? && arity >= -2)
      end
      private_class_method :declared, :of_application?, :takes_context?
    end
  end
end
