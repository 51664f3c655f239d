# frozen_string_literal: true

require "tasker_core/errors/tree"

module TaskerCore
  class Workflow
    # A task ended without success. `errors` has the messages of the steps that failed, by name.
    class RunFailedError < Errors::Error
      attr_reader :errors

      def initialize(message, errors)
        super(message)
        @errors = errors
      end
    end

    # A task that was started.
    class Run
      COMPLETE = %w[complete resolved_manually].freeze
      private_constant :COMPLETE

      attr_reader :task_uuid

      def initialize(task_uuid, client)
        @task_uuid = task_uuid
        @client = client
      end

      # The task's state now.
      def status
        @client.get_task(task_uuid).status
      end

      # Waits until the task is complete, and returns itself. Raises {RunFailedError} if it ended otherwise, or needs somebody to
      # repair its failed steps; and what the client raises if it still moves after `timeout` seconds.
      def wait(timeout: 60.0)
        task = @client.wait_for_task(task_uuid, timeout: timeout)
        return self if COMPLETE.include?(task.status)

        failed = errors
        reasons = failed.map { |name, message| "; step #{name}: #{message}" }.join
        raise RunFailedError.new("task #{task_uuid} is #{task.status}#{reasons}", failed)
      end

      # What the steps returned that are complete, by name.
      def results
        records.select { |_, record| record["success"] }.transform_values { |record| record["result"] }
      end

      # Why the steps failed whose last attempt did, by name.
      def errors
        records.reject { |_, record| record["success"] }.transform_values { |record| record.dig("error", "message").to_s }
      end

      def inspect
        "#<#{self.class} #{task_uuid}>"
      end

      private

      def records
        @client.list_task_steps(task_uuid).select(&:results).to_h { |step| [step.name, step.results] }
      end
    end
  end
end
