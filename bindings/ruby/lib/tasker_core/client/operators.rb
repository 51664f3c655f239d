# frozen_string_literal: true

module TaskerCore
  class Client
    # What operators do by hand about tasks, steps and dead letters. It needs `call`, and the name of who acts by default.
    #
    # `reason` and `by` are kept with what became of the task. What does not suit the state of a task or step is a
    # {CoreConflictError}.
    module Operators
      # A task, its steps in short, and its latest dead letter.
      def task_summary(task_uuid)
        wrap_response(call("client.task_summary", task_uuid: task_uuid), Types::ClientTaskSummary)
      end

      # Has a step that failed for good run again, with all its attempts.
      def reset_for_retry(task_uuid, step_uuid, reason:, by: initiator)
        on_step("client.reset_for_retry", task_uuid, step_uuid, reason: reason, reset_by: by)
      end

      # Says that a step is done without it, and without a result.
      def resolve_manually(task_uuid, step_uuid, reason:, by: initiator)
        on_step("client.resolve_manually", task_uuid, step_uuid, reason: reason, resolved_by: by)
      end

      # Gives a step a result, which the steps after it read.
      def complete_manually(task_uuid, step_uuid, result:, reason:, metadata: {}, by: initiator)
        data = { result: result, metadata: metadata }
        on_step("client.complete_manually", task_uuid, step_uuid, reason: reason, completed_by: by, completion_data: data)
      end

      # Runs a step that has ended again, and all steps after it.
      def retry_from(task_uuid, step_uuid, reason:, by: initiator)
        on_step("client.retry_from", task_uuid, step_uuid, reason: reason, requested_by: by)
      end

      # Runs a step now that waits for its retry.
      def run_now(task_uuid, step_uuid, reason:, by: initiator)
        on_step("client.run_now", task_uuid, step_uuid, reason: reason, requested_by: by)
      end

      # Hands out no further steps of a task; those that run go on.
      def pause_task(task_uuid, reason:, by: initiator)
        on_task("client.pause_task", task_uuid, reason: reason, requested_by: by)
      end

      # Undoes {#pause_task}.
      def resume_task(task_uuid, reason:, by: initiator)
        on_task("client.resume_task", task_uuid, reason: reason, requested_by: by)
      end

      # Says that a task is done with, whatever its steps are.
      def resolve_task(task_uuid, reason:, by: initiator)
        on_task("client.resolve_task", task_uuid, reason: reason, resolved_by: by)
      end

      # Dead letters, newest first; those in a state of their resolution (`pending`, ...), or all.
      def list_dlq(resolution_status: nil, limit: 50, offset: 0)
        params = { resolution_status: resolution_status, limit: limit, offset: offset }.compact
        wrap_response(call("client.list_dlq", params), Types::ClientDlqEntry)
      end

      # The latest dead letter of a task.
      def get_dlq_entry(task_uuid)
        wrap_response(call("client.get_dlq_entry", task_uuid: task_uuid), Types::ClientDlqEntry)
      end

      # Enters a task among the dead letters.
      def add_dlq_entry(task_uuid, reason:, by: initiator)
        params = { task_uuid: task_uuid, reason: reason, requested_by: by }
        wrap_response(call("client.add_dlq_entry", params), Types::ClientDlqEntry)
      end

      # Notes what became of an investigation. What is left out stays as it is.
      def update_dlq_entry(dlq_entry_uuid, resolution_status: nil, resolution_notes: nil, resolved_by: nil, metadata: nil)
        params = {
          dlq_entry_uuid: dlq_entry_uuid, resolution_status: resolution_status, resolution_notes: resolution_notes,
          resolved_by: resolved_by, metadata: metadata
        }.compact
        wrap_response(call("client.update_dlq_entry", params), Types::ClientDlqEntry)
      end

      # Runs the failed steps of a dead letter's task again.
      def requeue_dlq_entry(dlq_entry_uuid, reason:, by: initiator)
        params = { dlq_entry_uuid: dlq_entry_uuid, reason: reason, requested_by: by }
        wrap_response(call("client.requeue_dlq_entry", params), Types::ClientDlqEntry)
      end

      # How many dead letters there are of each reason.
      def dlq_stats
        wrap_response(call("client.dlq_stats"), Types::ClientDlqStats)
      end

      # Dead letters that nobody has resolved yet, the most urgent first.
      def dlq_investigations(limit: 50)
        wrap_response(call("client.dlq_investigations", limit: limit), Types::ClientDlqInvestigation)
      end

      # Open tasks, and how long they have not moved.
      def dlq_staleness(limit: 50)
        wrap_response(call("client.dlq_staleness", limit: limit), Types::ClientTaskStaleness)
      end

      private

      def on_step(method, task_uuid, step_uuid, **params)
        wrap_response(call(method, task_uuid: task_uuid, step_uuid: step_uuid, **params), Types::ClientStepResponse)
      end

      def on_task(method, task_uuid, **params)
        wrap_response(call(method, task_uuid: task_uuid, **params), Types::ClientTaskResponse)
      end
    end
  end
end
