# frozen_string_literal: true

require "tasker_core/domain_events/event"
require "tasker_core/logger"

module TaskerCore
  module DomainEvents
    # Hears of the events that match its patterns: a name, `payment.*`, or `*` for all. Whatever goes wrong is logged and told
    # to `on_handle_error`; it disturbs no step and no other subscriber.
    #
    #     class Ledger < TaskerCore::DomainEvents::BaseSubscriber
    #       subscribes_to "payment.*"
    #
    #       def handle(event)
    #         book(event[:business_payload])
    #       end
    #     end
    class BaseSubscriber
      class << self
        # Says which events the subscribers of a class, and of those below it, hear of.
        def subscribes_to(*patterns)
          @patterns = patterns.flatten.map(&:to_s)
        end

        # The patterns; all events if nothing was said.
        def patterns
          @patterns || (superclass.respond_to?(:patterns) ? superclass.patterns : ["*"])
        end
      end

      attr_reader :logger, :active

      def initialize
        @logger = Logger.instance
        @active = false
        @poller = nil
      end

      # Begins to hear of the events that a poller brings, by default the one of this process. Harmless when it does.
      def start!(poller = nil)
        return self if active?

        poller ||= process_poller
        @active = true
        return self if poller.equal?(@poller)

        @poller = poller
        self.class.patterns.each { |pattern| poller.subscribe(pattern) { |event| receive(event, pattern) } }
        self
      end

      # Hears of nothing any more.
      def stop!
        @active = false
        self
      end

      def active?
        active
      end

      # Handles an event: a Hash as {Event} tells of.
      def handle(_event)
        raise NotImplementedError, "#{self.class} does not say what it does with events: write `def handle(event)`"
      end

      # Sees an event before it is handled; false passes it over.
      def before_handle(_event)
        true
      end

      # Hears that an event was handled.
      def after_handle(event)
        logger.debug("#{self.class} handled #{event[:event_name]}")
      end

      # Hears that an event could not be handled.
      def on_handle_error(event, error)
        logger.error("#{self.class} failed on event #{event[:event_name]}: #{error.class}: #{error.message}")
      end

      # Whether a pattern takes an event.
      def matches?(event_name)
        self.class.patterns.any? { |pattern| File.fnmatch?(pattern, event_name) }
      end

      # Handles an event with all hooks. Nothing is raised.
      def handle_event_safely(document)
        event = Event.from_core(document)
        return if before_handle(event) == false

        handle(event)
        after_handle(event)
      rescue StandardError, NotImplementedError => e
        begin
          on_handle_error(event || {}, e)
        rescue StandardError => e
          logger.error("on_handle_error of #{self.class} failed: #{e.class}: #{e.message}")
        end
      end

      private

      # An event that two patterns take is handled once, for the first of them.
      def receive(event, pattern)
        return unless active?

        name = (event["event_name"] || event[:event_name]).to_s
        handle_event_safely(event) if self.class.patterns.find { |other| File.fnmatch?(other, name) } == pattern
      end

      def process_poller
        require "tasker_core"
        Worker::InProcessDomainEventPoller.instance
      end
    end
  end
end
