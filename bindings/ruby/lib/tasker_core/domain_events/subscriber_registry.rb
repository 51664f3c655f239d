# frozen_string_literal: true

require "tasker_core/domain_events/base_subscriber"
require "tasker_core/logger"
require "tasker_core/resettable"

module TaskerCore
  module DomainEvents
    # The subscribers of this process. They are started and stopped together.
    class SubscriberRegistry
      include Singleton
      extend Resettable

      attr_reader :logger, :subscribers

      def initialize
        @logger = Logger.instance
        @lock = Mutex.new
        @classes = []
        @subscribers = []
        @started = false
      end

      # Registers a class; its subscriber is made when subscribers are started.
      def register(subscriber_class)
        unless subscriber_class.is_a?(Class) && subscriber_class <= BaseSubscriber
          raise ArgumentError, "#{subscriber_class.inspect} is no class of subscribers: they inherit from BaseSubscriber"
        end

        @lock.synchronize { @classes |= [subscriber_class] }
        subscriber_class
      end

      # Registers a subscriber that was made already.
      def register_instance(subscriber)
        @lock.synchronize { @subscribers |= [subscriber] }
        subscriber
      end

      # Starts all subscribers, on the poller of this process or another one. One that cannot be started is logged, and the
      # others go on.
      def start_all!(poller = nil)
        made.each do |subscriber|
          subscriber.start!(*poller)
        rescue StandardError => e
          logger.error("subscriber #{subscriber.class} cannot be started: #{e.class}: #{e.message}")
        end
        @started = true
      end

      # Stops all subscribers.
      def stop_all!
        subscribers.each do |subscriber|
          subscriber.stop!
        rescue StandardError => e
          logger.error("subscriber #{subscriber.class} cannot be stopped: #{e.class}: #{e.message}")
        end
        @started = false
      end

      def started?
        @started
      end

      # How many subscribers and classes of them there are.
      def count
        (@classes | subscribers.map(&:class)).size
      end

      # How many there are, how many hear of events, and the patterns of all.
      def stats
        {
          started: started?, subscriber_count: count, active_count: subscribers.count(&:active?),
          subscribers: (@classes | subscribers.map(&:class)).to_h { |kind| [kind.name || kind.inspect, kind.patterns] }
        }
      end

      # Stops all subscribers and forgets them, for tests.
      def reset!
        stop_all!
        @lock.synchronize do
          @classes = []
          @subscribers = []
        end
      end

      # Passes an event to the subscribers that are active, as the core would: for processes without a worker.
      def deliver(document)
        event = Event.from_publisher(document)
        subscribers.each do |subscriber|
          subscriber.handle_event_safely(event) if subscriber.active? && subscriber.matches?(event["event_name"])
        end
      end

      private

      # The subscribers, with those of the classes that have none yet.
      def made
        @lock.synchronize do
          missing = @classes - @subscribers.map(&:class)
          @subscribers += missing.filter_map do |kind|
            kind.new
          rescue StandardError => e
            logger.error("subscriber #{kind} cannot be made: #{e.class}: #{e.message}")
            nil
          end
        end
      end
    end
  end
end
