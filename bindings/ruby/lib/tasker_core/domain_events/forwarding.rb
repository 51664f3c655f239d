# frozen_string_literal: true

require "tasker_core/domain_events/forwarded"
require "tasker_core/domain_events/publisher_registry"
require "tasker_core/logger"

module TaskerCore
  module DomainEvents
    # Calls the publishers that templates name, one event after the other, on a thread that is made for the first of them.
    class Forwarding
      # `worker` answers to `call(method, params)`.
      def initialize(worker)
        @worker = worker
        @events = Thread::Queue.new
        @lock = Mutex.new
        @thread = nil
      end

      # Has an event published that the worker handed out. One that is for no publisher is left alone.
      def put(document)
        return unless document.key?("publisher")

        @lock.synchronize { @thread ||= Thread.new { run }.tap { |thread| thread.name = "tasker-publisher" } }
        @events << document
      end

      # Ends the thread after the events that came before. Returns whether that was within `timeout` seconds.
      def close(timeout)
        @events.close
        thread = @lock.synchronize { @thread }
        thread.nil? || !thread.join(timeout).nil?
      end

      private

      def run
        while (document = @events.pop)
          publish(document)
        end
      end

      # Whatever a publisher does, the next one gets its event.
      def publish(document)
        event = Forwarded.new(@worker, document)
        event.published_by(PublisherRegistry.instance.get_or_default(event.publisher))
      rescue StandardError, ScriptError => e
        Logger.instance.error("domain event #{document["event_name"]} was not published: #{e.class}: #{e.message}")
      end
    end
  end
end
