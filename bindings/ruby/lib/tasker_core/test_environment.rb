# frozen_string_literal: true

require "tasker_core/domain_events"
require "tasker_core/logger"
require "tasker_core/registry/handler_registry"
require "tasker_core/resettable"

module TaskerCore
  # Loads the handlers and subscribers of an application's examples, where it runs as a test.
  #
  # That is where TASKER_ENV or RAILS_ENV is `test`, and nowhere else.
  module TestEnvironment
    # Loads them once.
    class ConditionalLoader
      include Singleton
      extend Resettable

      EXAMPLES = %w[spec/handlers/examples spec/handlers test/handlers].freeze
      FIXTURES = %w[spec/fixtures/templates spec/fixtures/task_templates test/fixtures/templates].freeze
      private_constant :EXAMPLES, :FIXTURES

      attr_reader :logger, :loaded, :example_handlers_path, :template_fixtures_path

      # Handlers are where TASKER_TEST_HANDLERS_PATH says, or in one of the usual folders; templates likewise, by
      # TASKER_TEMPLATE_PATH.
      def initialize
        @logger = Logger.instance
        @loaded = false
        @example_handlers_path = folder("TASKER_TEST_HANDLERS_PATH", EXAMPLES)
        @template_fixtures_path = folder("TASKER_TEMPLATE_PATH", FIXTURES)
        @before = []
      end

      def should_load_test_environment?
        [ENV.fetch("TASKER_ENV", nil), ENV.fetch("RAILS_ENV", nil)].include?("test")
      end

      # Loads every Ruby file below the folder of handlers, and registers the subscribers in them. Returns whether there is one.
      def load_if_test_environment!
        return false unless should_load_test_environment?
        return true if loaded
        return false unless example_handlers_path

        @before = handlers
        Dir.glob(File.join(example_handlers_path, "**", "*.rb")).each { |file| require file }
        subscriber_classes.each { |kind| DomainEvents::SubscriberRegistry.instance.register(kind) }
        logger.info("loaded #{loaded_handler_count} handlers for tests from #{example_handlers_path}")
        @loaded = true
      end

      def loaded_handler_count
        loaded_handler_names.size
      end

      def loaded_handler_names
        handlers - @before
      end

      # Where templates for tests are, and the handlers that they name.
      def test_template_info
        {
          path: template_fixtures_path,
          templates: TemplateDiscovery::HandlerDiscovery.discover_template_metadata(template_fixtures_path || "").size,
          handlers: TemplateDiscovery::HandlerDiscovery.discover_all_handlers(template_fixtures_path || "")
        }
      end

      def loaded_subscriber_count
        loaded_subscriber_names.size
      end

      def loaded_subscriber_names
        subscriber_classes.map(&:name).sort
      end

      private

      def folder(variable, usual)
        [ENV.fetch(variable, nil), *usual].compact.map { |path| File.expand_path(path) }.find { |path| File.directory?(path) }
      end

      def handlers
        Registry::HandlerRegistry.instance.registered_handlers
      end

      # The subscribers whose classes stand below the folder of handlers.
      def subscriber_classes(kind = DomainEvents::BaseSubscriber)
        kind.subclasses.flat_map { |below| (example?(below) ? [below] : []) + subscriber_classes(below) }
      end

      def example?(kind)
        return false unless kind.name && example_handlers_path

        file, = Object.const_source_location(kind.name)
        file.to_s.start_with?("#{example_handlers_path}/")
      end
    end

    class << self
      def load_if_test!
        loader.load_if_test_environment!
      end

      def loaded?
        loader.loaded
      end

      # What was loaded, from where.
      def info
        {
          loaded: loaded?, should_load: loader.should_load_test_environment?, example_handlers_path: loader.example_handlers_path,
          template_fixtures_path: loader.template_fixtures_path, handler_count: handler_names.size,
          subscriber_count: subscriber_count
        }
      end

      def handler_names
        loader.loaded_handler_names
      end

      def subscriber_names
        loader.loaded_subscriber_names
      end

      def subscriber_count
        loader.loaded_subscriber_count
      end

      private

      def loader
        ConditionalLoader.instance
      end
    end
  end
end
