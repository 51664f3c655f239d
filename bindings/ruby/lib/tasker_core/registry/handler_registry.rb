# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/logger"
require "tasker_core/registry/handler_factory"
require "tasker_core/registry/resolver_chain"
require "tasker_core/resettable"
require "tasker_core/template_discovery"

module TaskerCore
  module Registry
    # The handlers of this process, by name.
    #
    # A template can only name what was registered here, a subclass of StepHandler::Base that is loaded, or what is in a module
    # that was given to {#allow_module}: nothing else is ever looked up or called, whatever a template says.
    class HandlerRegistry
      include Singleton
      extend Resettable

      attr_reader :logger, :resolver_chain

      def initialize
        @logger = Logger.instance
        @resolver_chain = ResolverChain.default
      end

      # A handler that is ready to be called; nil if it is not known. Raises what {ResolverChain#resolve} does.
      def resolve_handler(handler_spec)
        definition = Types::HandlerDefinition.of(handler_spec)
        resolver_chain.resolve(definition, definition.initialization.dup)
      end

      # Registers a handler under a name: a class, an object with `call`, or a block.
      def register_handler(class_name, handler_class)
        raise Errors::ConfigurationError, "a handler is registered under a name" if class_name.to_s.empty?

        unless HandlerFactory.handler?(handler_class)
          raise Errors::ConfigurationError, "the handler #{class_name} is a #{handler_class.class}, which cannot be called"
        end

        before = explicit[class_name]
        if before && !before.equal?(handler_class)
          logger.warn("handler #{class_name} is registered again: #{handler_class.inspect} takes the place of #{before.inspect}")
        end
        explicit.register(class_name, handler_class)
        handler_class
      end

      # Forgets a handler, and returns it.
      def unregister_handler(class_name)
        explicit.unregister(class_name)
      end

      # Whether steps can be given to a handler here.
      def handler_available?(class_name)
        resolver_chain.can_resolve?(class_name)
      end

      # The names that are known beforehand, sorted: those that were registered, and the classes that are loaded.
      def registered_handlers
        resolver_chain.registered_callables
      end

      # What was registered, by name.
      def handlers
        explicit.registered_callables.to_h { |name| [name, explicit[name]] }
      end

      # All names that steps can have here: those that resolvers know, and those of templates that one takes.
      def served_handlers
        (registered_handlers | template_handlers.select { |name| handler_available?(name) }).sort
      end

      # Lets templates name the classes in a module by their full names. They are loaded when a step needs them.
      def allow_module(mod)
        resolver = resolver_chain.get_resolver("class_constant")
        raise Errors::ConfigurationError, "the class_constant resolver was removed" unless resolver

        resolver.allow_module(mod)
        self
      end

      # Adds a way of finding handlers.
      def add_resolver(resolver)
        resolver_chain.add_resolver(resolver)
        self
      end

      # Where templates are, and the handlers that they name.
      def template_discovery_info
        directory = TemplateDiscovery::TemplatePath.find_template_config_directory
        {
          template_path: directory,
          template_files: TemplateDiscovery::TemplatePath.discover_template_files(directory).size,
          discovered_handlers: template_handlers,
          handlers_by_namespace: TemplateDiscovery::HandlerDiscovery.discover_handlers_by_namespace(directory),
          environment: ENV.fetch("TASKER_ENV", nil)
        }
      end

      private

      def explicit
        resolver_chain.explicit_resolver ||
          raise(Errors::ConfigurationError, "the explicit_mapping resolver was removed, so handlers cannot be registered")
      end

      def template_handlers
        TemplateDiscovery::HandlerDiscovery.discover_all_handlers
      end
    end
  end
end
