# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/indifferent_hash"

module TaskerCore
  module Registry
    # What a handler may be, and how one is made for an attempt.
    module HandlerFactory
      # A block or a method as a handler: it is given the context.
      Callable = Struct.new(:body) do
        def call(context)
          body.call(context)
        end
      end

      class << self
        # Returns something with a `call` method: an instance of a class, made with `config` if its constructor takes that, so
        # that attempts that run side by side share nothing; and an object, a block or a method as it is.
        def make(registered, definition)
          return instance(registered, definition) if registered.is_a?(Class)
          return Callable.new(registered) if registered.is_a?(Proc) || registered.is_a?(Method)
          return registered if registered.respond_to?(:call)

          raise Errors::ConfigurationError,
                "the handler #{definition.callable.inspect} is a #{registered.class}, which cannot be called"
        end

        # Whether steps can be given to what was registered.
        def handler?(registered)
          registered.is_a?(Class) || registered.respond_to?(:call)
        end

        private

        def instance(kind, definition)
          return kind.new unless takes_config?(kind)

          kind.new(config: IndifferentHash.wrap(definition.initialization))
        end

        def takes_config?(kind)
          kind.instance_method(:initialize).parameters.any? do |type, name|
            type == :keyrest || (%i[key keyreq].include?(type) && name == :config)
          end
        end
      end
    end
  end
end
