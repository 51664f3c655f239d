# frozen_string_literal: true

module TaskerCore
  module DomainEvents
    # An event of a step whose template names one of this program's publishers: it comes here once the step's result is stored,
    # and waits to be published or declined, whichever its publisher does.
    class Forwarded
      CURRENT = :tasker_forwarded_event
      private_constant :CURRENT

      # The event that a publisher is called for, on this thread; nil if it is called by the application.
      def self.current
        Thread.current[CURRENT]
      end

      # The event's name, and that of its publisher.
      attr_reader :name, :publisher

      # `worker` answers to `call(method, params)`.
      def initialize(worker, document)
        @worker = worker
        @document = document
        @name = document["event_name"]
        @publisher = document["publisher"]
        @answered = false
      end

      # Has a publisher publish it, and declines it if that one does not.
      def published_by(publisher)
        before = Thread.current[CURRENT]
        Thread.current[CURRENT] = self
        publisher.publish(context)
      ensure
        Thread.current[CURRENT] = before
        @worker.call("events.decline", { "forwarded" => @document["event_id"] }) unless @answered
      end

      # Publishes it, the way that its template says.
      def publish(payload, metadata)
        @answered = true
        @worker.call("events.publish", { "forwarded" => @document["event_id"], "payload" => payload, "metadata" => metadata })
      end

      private

      # What publishers are given.
      def context
        record = @document.dig("payload", "execution_result") || {}
        {
          event_name: name,
          step_result: {
            success: record["success"], result: record["result"], error: record["error"],
            metadata: (record["metadata"] || {}).merge("outcome" => @document["outcome"])
          },
          event_declaration: { name: name, publisher: publisher, delivery_mode: @document["delivery_mode"] },
          step_context: @document["metadata"]
        }
      end
    end
  end
end
