# frozen_string_literal: true

require "tasker_core/domain_events/base_publisher"
require "tasker_core/logger"
require "tasker_core/resettable"

module TaskerCore
  module DomainEvents
    # The publishers of this process, by name. The one named `default` is always there.
    class PublisherRegistry
      include Singleton
      extend Resettable

      # Publishers are missing that templates name.
      class ValidationError < StandardError
        attr_reader :missing_publishers, :registered_publishers

        def initialize(missing, registered)
          @missing_publishers = missing
          @registered_publishers = registered
          super("publishers are missing: #{missing.join(", ")}; registered are: #{registered.join(", ")}")
        end
      end

      # There is no publisher of a name.
      class PublisherNotFoundError < StandardError
        attr_reader :publisher_name, :registered_publishers

        def initialize(name, registered)
          @publisher_name = name
          @registered_publishers = registered
          super("there is no publisher #{name}; registered are: #{registered.join(", ")}")
        end
      end

      # A publisher comes too late: the registry was frozen when the worker started.
      class RegistryFrozenError < StandardError
        def initialize(message = "the publisher registry is frozen: register publishers before the worker starts")
          super
        end
      end

      # A name is taken by another publisher.
      class DuplicatePublisherError < StandardError
        attr_reader :publisher_name

        def initialize(name)
          @publisher_name = name
          super("there is a publisher #{name} already; unregister it first")
        end
      end

      # Publishes what the step returned, as it is.
      class DefaultPublisher < BasePublisher
        def name
          "default"
        end

        def transform_payload(step_result, _event_declaration, _step_context = nil)
          step_result[:result] || {}
        end
      end

      attr_reader :logger, :publishers, :default_publisher

      def initialize
        @logger = Logger.instance
        @lock = Mutex.new
        reset!
      end

      # Registers a publisher under its name. Raises {RegistryFrozenError} and {DuplicatePublisherError}.
      def register(publisher)
        @lock.synchronize do
          raise RegistryFrozenError if frozen?

          before = @publishers[publisher.name]
          raise DuplicatePublisherError, publisher.name if before && !before.equal?(publisher)

          @publishers = @publishers.merge(publisher.name => publisher)
        end
        publisher
      end

      # The publisher of a name, or nil.
      def get(name)
        @publishers[name.to_s]
      end

      # The publisher of a name, or the one that publishes what steps return as it is.
      def get_or_default(name)
        get(name) || default_publisher
      end

      # The publisher of a name, or a {PublisherNotFoundError}.
      def get_strict(name)
        get(name) || raise(PublisherNotFoundError.new(name, registered_names))
      end

      def registered?(name)
        @publishers.key?(name.to_s)
      end

      def registered_names
        @publishers.keys
      end

      # How many there are, beside the default one.
      def count
        @publishers.size - 1
      end

      def empty?
        count.zero?
      end

      # Forgets a publisher, and returns it.
      def unregister(name)
        @lock.synchronize do
          raise RegistryFrozenError if frozen?

          removed = @publishers[name.to_s]
          @publishers = @publishers.except(name.to_s)
          removed
        end
      end

      # Forgets all publishers but the default one.
      def clear
        @lock.synchronize do
          raise RegistryFrozenError if frozen?

          start_over
        end
      end

      # Takes no further publishers if all that are required are there; else raises {ValidationError} with those missing.
      def validate_required!(required_publishers)
        missing = required_publishers.map(&:to_s).uniq - registered_names
        raise ValidationError.new(missing, registered_names) unless missing.empty?

        freeze!
        true
      end

      # Whether publishers are refused.
      def frozen?
        @frozen
      end

      def freeze!
        @frozen = true
      end

      # Takes publishers again, when the worker has ended.
      def unfreeze!
        @frozen = false
      end

      # The names that the worker is told of, so that it hands out the events of templates that name them.
      def custom_names
        registered_names - [default_publisher.name]
      end

      # As it was in the beginning, for tests.
      def reset!
        @lock.synchronize do
          @frozen = false
          @default_publisher = DefaultPublisher.new
          start_over
        end
      end

      private

      def start_over
        @publishers = { default_publisher.name => default_publisher }
      end
    end
  end
end
