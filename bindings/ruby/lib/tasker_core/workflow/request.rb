# frozen_string_literal: true

require "tasker_core/types/typed"
require "tasker_core/workflow/run"

module TaskerCore
  class Workflow
    # A task that is about to be started.
    class Request
      REASON = "Started from Ruby"
      private_constant :REASON

      def initialize(workflow, key: nil, client: nil, **options)
        @workflow = workflow
        @client = client
        @options = { reason: REASON, idempotency_key: key, **options }
      end

      # Starts the task with inputs for its steps, and returns a {Run}.
      def perform_async(inputs = {}, **more)
        task = client.create_task(
          name: @workflow.workflow_name, namespace: @workflow.namespace, version: @workflow.version,
          context: Types::Typed.dump({ **inputs.to_h, **more }), **@options
        )
        Run.new(task.task_uuid, client)
      end

      private

      def client
        require "tasker_core" unless @client
        @client ||= Client
      end
    end
  end
end
