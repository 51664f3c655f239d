# frozen_string_literal: true

require "tasker_core/registry/handler_factory"
require "tasker_core/registry/resolvers/base_resolver"
require "tasker_core/step_handler/base"

module TaskerCore
  module Registry
    module Resolvers
      # Finds handlers by the names of their classes.
      #
      # Names come from templates, that is from outside. So only two kinds of classes can be named: subclasses of
      # {StepHandler::Base} that are loaded, and classes with a `call` in the modules that the application gave to
      # {#allow_module}, which may be loaded for it then. No other constant is ever looked up, whatever a template says.
      class ClassConstantResolver < BaseResolver
        PRIORITY = 100

        # What such a name looks like.
        PATTERN = /\A[A-Z]\w*(?:::[A-Z]\w*)*\z/

        def initialize
          super
          @modules = []
          @found = {}
          @lock = Mutex.new
        end

        def name
          "class_constant"
        end

        # The last to be asked.
        def priority
          PRIORITY
        end

        # Lets the classes in a module, and in those below it, be found by their names.
        def allow_module(mod)
          raise ArgumentError, "#{mod.inspect} is no module with a name" unless mod.is_a?(Module) && mod.name

          @lock.synchronize { @modules |= [mod.name] }
          self
        end

        def can_resolve?(definition, _config)
          !find(definition.callable).nil?
        end

        def resolve(definition, _config)
          found = find(definition.callable)
          found && HandlerFactory.make(found, definition)
        end

        # The names of the handler classes that are loaded, sorted.
        def registered_callables
          loaded.filter_map { |kind| kind.name if current?(kind) }.sort
        end

        private

        def find(path)
          return nil unless PATTERN.match?(path)

          known = @found[path]
          return known if known && current?(known)

          found = loaded.find { |kind| kind.name == path && current?(kind) } || below_allowed(path)
          @lock.synchronize { @found[path] = found } if found
          found
        end

        # The handler classes of the application.
        def loaded(kind = StepHandler::Base)
          kind.subclasses.flat_map do |below|
            named = below.name
            (named && !named.start_with?("TaskerCore::") ? [below] : []) + loaded(below)
          end
        end

        # Whether a class is still the one that its name stands for: reloaded code leaves older ones behind.
        def current?(kind)
          Object.const_defined?(kind.name) && Object.const_get(kind.name).equal?(kind)
        rescue NameError
          false
        end

        def below_allowed(path)
          mod = @modules.find { |name| path.start_with?("#{name}::") }
          return nil unless mod

          found = path.delete_prefix("#{mod}::").split("::").reduce(Object.const_get(mod)) do |within, name|
            break unless within.is_a?(Module) && within.const_defined?(name, false)

            within.const_get(name, false)
          end
          found if found.is_a?(Class) && found.method_defined?(:call)
        end
      end
    end
  end
end
