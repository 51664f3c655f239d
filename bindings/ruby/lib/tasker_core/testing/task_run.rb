# frozen_string_literal: true

module TaskerCore
  module Testing
    # A task that did not end as a test said it would.
    class NotCompletedError < Errors::Error; end

    # A task that has come to rest, and its steps by their names.
    TaskRun = Struct.new(:task, :steps) do
      # The task's state, such as `complete`, `error` or `blocked_by_failures`.
      def status
        task.status
      end

      # What the steps that completed returned, by their names.
      def results
        steps.select { |_, step| step.current_state == "complete" }.transform_values { |step| (step.results || {})["result"] }
      end

      # Why a step failed: `message`, `error_type`, `retryable` and more. Empty if it did not.
      def error(name)
        (steps.fetch(name.to_s).results || {})["error"] || {}
      end

      # Returns the run if the task completed, and fails with the reasons if it did not.
      def completed
        return self if status == "complete"

        reasons = steps.map { |name, step| "\n  #{name} #{step.current_state}: #{error(name)["message"]}" }
        raise NotCompletedError, "task #{task.name} is #{status}#{reasons.join}"
      end
    end
  end
end
