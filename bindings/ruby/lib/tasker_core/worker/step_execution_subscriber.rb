# frozen_string_literal: true

require "tasker_core/execution"
require "tasker_core/registry"

module TaskerCore
  module Worker
    # Executes steps with the handlers of a registry, and counts them.
    class StepExecutionSubscriber
      attr_reader :logger, :handler_registry

      def initialize(handler_registry: Registry::HandlerRegistry.instance, worker_id: "")
        @logger = Logger.instance
        @handler_registry = handler_registry
        @worker_id = worker_id
        @active = true
        @lock = Mutex.new
        @counts = { processed: 0, succeeded: 0, failed: 0, checkpoints: 0 }
      end

      def active?
        @active
      end

      # Executes nothing any more.
      def stop!
        @active = false
      end

      # How many steps were executed, and how they ended.
      def stats
        @lock.synchronize { @counts.merge(active: @active) }
      end

      # Executes the step of an event, and hands its result over by the {EventBridge}. Nothing happens after {#stop!}.
      def call(event)
        return unless active?

        event = event.to_h.transform_keys(&:to_s)
        document = execute(event)
        data = event.slice("event_id", "task_uuid", "step_uuid").merge(document)
        if StepOutcome.checkpoint?(document)
          EventBridge.instance.publish_step_checkpoint_yield(data)
        else
          EventBridge.instance.publish_step_completion(data)
        end
      end

      # Executes the step of an event and returns its result, or a checkpoint. `attempt` is how its handler reaches the core.
      def execute(event, attempt = nil)
        document = Execution.run(event, resolver: @handler_registry, controls: attempt, worker_id: @worker_id)
        count(document)
        document
      end

      private

      def count(document)
        ended = if StepOutcome.checkpoint?(document) then :checkpoints
                else
                  document["success"] ? :succeeded : :failed
                end
        @lock.synchronize do
          @counts[:processed] += 1
          @counts[ended] += 1
        end
      end
    end
  end
end
