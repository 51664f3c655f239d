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
        allowed = self.class.allowed_methods(handler)
        @handler = handler
        @target_method = allowed.find { |name| name.name == target_method.to_s }
        return if @target_method

        raise MethodNotAllowedError,
              "#{handler.class} has no method #{target_method.to_s.inspect} for templates; it has: #{allowed.join(", ")}"
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
        declared = handler.class.respond_to?(:handler_methods) ? handler.class.handler_methods : nil
        names = declared&.map(&:to_sym) || ([:call] | handler.singleton_methods | of_application(handler))
        names.select { |name| takes_context?(handler, name) }.sort
      end

      # What the application's own classes and modules define: not what only overrides a method of this gem or of all objects.
      def self.of_application(handler)
        ours, theirs = handler.class.ancestors.partition do |kind|
          Object.ancestors.include?(kind) || kind.name.to_s.start_with?("TaskerCore::")
        end
        theirs.flat_map { |kind| kind.public_instance_methods(false) } - ours.flat_map { |kind| kind.instance_methods(false) }
      end

      def self.takes_context?(handler, name)
        return false unless handler.respond_to?(name)

        arity = handler.method(name).arity
        arity == 1 || (arity.negative? && arity >= -2)
      end
      private_class_method :of_application, :takes_context?
    end
  end
end
