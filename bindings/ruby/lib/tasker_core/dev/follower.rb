# frozen_string_literal: true

require "json"

module TaskerCore
  module Dev
    # Shows how a task goes, step by step.
    class Follower
      LOOK_EVERY = 0.02
      private_constant :LOOK_EVERY

      def initialize(task_uuid, timeout)
        @task_uuid = task_uuid
        @timeout = timeout
        @began = now
        @shown = {}
      end

      # Shows each change of a step until the task rests, and returns the task's state.
      def follow
        loop do
          task = Client.get_task(@task_uuid)
          Client.list_task_steps(@task_uuid).each { |step| show(step) }
          return ended(task.status) if Client::RESTING.include?(task.status)

          raise Client::WaitTimeoutError, "task #{@task_uuid} is #{task.status} after #{@timeout.round} s" if passed > @timeout

          sleep(LOOK_EVERY)
        end
      end

      private

      def ended(status)
        puts format("task %<uuid>s is %<status>s after %<passed>.2f s", uuid: @task_uuid, status: status, passed: passed)
        status
      end

      def show(step)
        state = [step.current_state, step.attempts]
        return if @shown[step.name] == state || step.current_state == "pending"

        @shown[step.name] = state
        puts format("  +%<passed>5.2fs  %<name>-24s %<what>s", passed: passed, name: step.name, what: describe(step))
        $stdout.flush
      end

      def describe(step)
        record = step.results || {}
        return "complete  #{JSON.generate(record["result"])[0, 200]}" if step.current_state == "complete"

        error = record["error"] || {}
        return step.current_state if error.empty? || step.current_state == "in_progress"

        attempt = "attempt #{step.attempts} of #{step.max_attempts}"
        "#{step.current_state}  #{attempt}: #{error["error_type"]}: #{error["message"]}"
      end

      def passed
        now - @began
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
