# frozen_string_literal: true

require "singleton"
require "tasker_core/domain_events/event"
require "tasker_core/worker/runtime"

module TaskerCore
  module Worker
    # Takes the domain events of this process from its worker, and passes them to those who subscribed to their names.
    class InProcessDomainEventPoller
      include Singleton

      # Seconds between polls that found nothing, and how many events one poll takes.
      POLL_INTERVAL = 0.05
      MAX_EVENTS_PER_POLL = 100

      AFTER_ERROR = 10 * POLL_INTERVAL
      STOP_TIMEOUT = 5.0
      private_constant :AFTER_ERROR, :STOP_TIMEOUT

      attr_reader :logger, :polling_thread

      # Stops the poller of this process and forgets it, for tests.
      def self.reset_instance!
        instance.stop!
        Singleton.__init__(self)
      end

      def initialize
        @logger = Logger.instance
        @lock = Mutex.new
        @subscriptions = []
        @process = nil
        @polling_thread = nil
        @stopping = nil
        @counts = { polls: 0, events: 0, delivered: 0, errors: 0 }
      end

      # Has a block called with every event whose name matches: `order.paid`, `order.*`, `*`. Returns the block. Events are those
      # of {DomainEvents::Event}.
      def subscribe(pattern, &handler)
        raise ArgumentError, "a block is needed, which is called with each event" unless handler

        @lock.synchronize { @subscriptions += [[pattern.to_s, matcher(pattern.to_s), handler]] }
        handler
      end

      # Forgets all blocks of a pattern.
      def unsubscribe(pattern)
        @lock.synchronize { @subscriptions = @subscriptions.reject { |(subscribed)| subscribed == pattern.to_s } }
        nil
      end

      def clear_subscriptions!
        @lock.synchronize { @subscriptions = [] }
        nil
      end

      def subscriber_count
        @subscriptions.size
      end

      # Begins to poll; events are collected from then on. Harmless when it polls already.
      def start!
        @lock.synchronize do
          next if active?

          @process = Process.pid
          @stopping = Thread::Queue.new
          @polling_thread = Thread.new(@stopping) { |stopping| run(stopping) }
          @polling_thread.name = "tasker-domain-events"
        end
        self
      end

      # Polls no more, and waits for blocks that run.
      def stop!
        thread = @lock.synchronize do
          @stopping&.close
          @polling_thread.tap { @polling_thread = nil }
        end
        thread.join(STOP_TIMEOUT) if thread && thread != Thread.current
        nil
      end

      def active?
        @process == Process.pid && (@polling_thread&.alive? || false)
      end
      alias active active?

      # How often was polled, how many events came, how many calls there were, and how many errors.
      def stats
        @counts.merge(active: active?, subscriptions: subscriber_count)
      end

      private

      def run(stopping)
        until stopping.closed?
          pause = begin
            poll == MAX_EVENTS_PER_POLL ? 0 : POLL_INTERVAL
          rescue StandardError => e
            failed("domain events cannot be polled", e)
            AFTER_ERROR
          end
          wait(stopping, pause)
        end
      end

      # Waits, unless and until the queue is closed.
      def wait(stopping, seconds)
        deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
        while !stopping.closed? && (left = deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)).positive?
          sleep([left, POLL_INTERVAL].min)
        end
      end

      def poll
        @counts[:polls] += 1
        events = Runtime.current&.call("events.poll", { max: MAX_EVENTS_PER_POLL }, timeout: STOP_TIMEOUT)&.fetch("events")
        return 0 unless events

        events.each { |event| deliver(event) }
        events.size
      end

      def deliver(document)
        @counts[:events] += 1
        event = DomainEvents::Event.from_core(document)
        name = event["event_name"].to_s
        @subscriptions.each do |_, matcher, handler|
          next unless matcher.match?(name)

          @counts[:delivered] += 1
          handler.call(event)
        rescue StandardError => e
          failed("a subscriber of #{name} failed", e)
        end
      end

      def failed(what, error)
        @counts[:errors] += 1
        logger.error("#{what}: #{error.full_message(highlight: false)}")
      end

      # `*` stands for anything, of any length.
      def matcher(pattern)
        /\A#{pattern.split("*", -1).map { |part| Regexp.escape(part) }.join(".*")}\z/
      end
    end
  end
end
