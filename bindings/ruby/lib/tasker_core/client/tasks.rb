# frozen_string_literal: true

module TaskerCore
  class Client
    # What can be asked about tasks. It needs `call`, and the defaults of those who create tasks.
    module Tasks
      INITIATOR = "tasker-core-ruby"
      SOURCE_SYSTEM = "tasker-core"

      # The states of a task that does not move any more, and with that of one that waits for somebody to repair it.
      ENDED = %w[complete error cancelled resolved_manually].freeze
      RESTING = (ENDED + %w[blocked_by_failures]).freeze

      FIRST_PAUSE = 0.005
      LONGEST_PAUSE = 0.5
      private_constant :FIRST_PAUSE, :LONGEST_PAUSE

      # Creates a task.
      #
      # @param name the template
      # @param namespace the template's namespace
      # @param context what the handlers read
      # @param version the template's version
      # @param reason why, for people
      # @param options `priority`, `tags`, `correlation_id`, `parent_correlation_id`, `idempotency_key`, `requested_at`
      def create_task(name:, namespace: "default", context: {}, version: "1.0.0", initiator: self.initiator,
                      source_system: self.source_system, reason: "Task requested", **options)
        request = {
          name: name, namespace: namespace, version: version, context: context, initiator: initiator,
          source_system: source_system, reason: reason, **options.compact
        }
        wrap_response(call("client.create_task", request), Types::ClientTaskResponse)
      end

      # A task, and the sum of its steps.
      def get_task(task_uuid)
        wrap_response(call("client.get_task", task_uuid: task_uuid), Types::ClientTaskResponse)
      end

      # A page of tasks, newest first. `offset` is a multiple of `limit`.
      #
      # @param filters `name`, `initiator` and `source_system`; `tag`, one or several; `context`, a Hash that a task's context
      #   contains; `since` and `until`, which bound when it was created, as a Time or RFC 3339 text
      def list_tasks(limit: 50, offset: 0, namespace: nil, status: nil, **filters)
        params = { limit: limit, offset: offset, namespace: namespace, status: status, **filters }.compact
        params[:context] = Native::Codec.dump(params[:context]) if params[:context].is_a?(Hash)
        %i[since until].each { |bound| params[bound] = params[bound].utc.iso8601(6) if params[bound].is_a?(Time) }
        wrap_response(call("client.list_tasks", params), Types::ClientTaskListResponse)
      end

      # Cancels a task; handlers of steps that run are told to stop.
      def cancel_task(task_uuid)
        call("client.cancel_task", task_uuid: task_uuid)
      end

      # The steps of a task.
      def list_task_steps(task_uuid)
        wrap_response(call("client.list_steps", task_uuid: task_uuid), Types::ClientStepResponse)
      end

      # A step, with the record of its last attempt.
      def get_step(task_uuid, step_uuid)
        wrap_response(call("client.get_step", task_uuid: task_uuid, step_uuid: step_uuid), Types::ClientStepResponse)
      end

      # What became of a step, oldest first.
      def get_step_audit_history(task_uuid, step_uuid)
        wrap_response(call("client.step_audit", task_uuid: task_uuid, step_uuid: step_uuid), Types::ClientStepAuditResponse)
      end

      # A sign of life.
      def health_check
        wrap_response(call("client.health"), Types::ClientHealthResponse)
      end

      # Waits until a task has ended, or waits for somebody to repair its failed steps, and returns it.
      #
      # Raises {WaitTimeoutError} when it still moves after `timeout` seconds.
      def wait_for_task(task_uuid, timeout: 60.0)
        deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + timeout
        pause = FIRST_PAUSE
        loop do
          task = get_task(task_uuid)
          return task if RESTING.include?(task.status)

          left = deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
          raise WaitTimeoutError, still_moving(task, timeout) unless left.positive?

          sleep([pause, left].min)
          pause = [pause * 1.5, LONGEST_PAUSE].min
        end
      end

      private

      def still_moving(task, timeout)
        "task #{task.task_uuid} is #{task.status} after #{timeout} seconds: #{task.execution_status}"
      end
    end
  end
end
