# frozen_string_literal: true

require "active_job"
require "tasker_core"

module TaskerCore
  # Jobs of ActiveJob as tasks of one step: `config.active_job.queue_adapter = :tasker`, and a worker that is started with
  # `workflows: [TaskerCore::ActiveJob::Workflow]`, or `tasker-worker --handlers tasker_core/active_job`.
  #
  # What `retry_on` and `discard_on` say is done by ActiveJob, each time as a task of its own. What a job raises beside that
  # fails the task for good: a job is not performed again unless it says so.
  module ActiveJob
    HANDLER = "active_job.perform"

    # Performs one job.
    class Perform < StepHandler::Base
      def call(context)
        job = context.get_input("job").to_h
        ::ActiveJob::Base.execute(job)
        success(result: { job_class: job["job_class"], job_id: job["job_id"] })
      rescue StandardError => e
        raise Errors::PermanentError, "#{e.class}: #{e.message}"
      end
    end

    # The task that a job is.
    class Workflow < TaskerCore::Workflow
      workflow_name "active_job"
      namespace "active_job"
      identity_strategy :always_unique
      description "One job of ActiveJob"

      step :perform, Perform, retries: 0
    end

    # Enqueues jobs by creating tasks.
    class Adapter
      # Tasks begin before or after the transaction around this ends: they are created on another connection.
      def enqueue_after_transaction_commit?
        true
      end

      def enqueue(job)
        create(job)
      end

      # `timestamp` is in seconds since 1970.
      def enqueue_at(job, timestamp)
        create(job, run_at: Time.at(timestamp).utc.iso8601(6))
      end

      private

      # Attempts of ActiveJob's own have the same id: each is a task.
      def create(job, **options)
        options[:priority] = job.priority if job.priority
        task = Client.create_task(
          name: Workflow.workflow_name, namespace: Workflow.namespace, context: { job: job.serialize },
          reason: "job #{job.class.name}", tags: ["queue:#{job.queue_name}"],
          idempotency_key: "#{job.job_id}-#{job.executions}", **options
        )
        job.provider_job_id = task.task_uuid
      end
    end
  end
end

module ActiveJob
  module QueueAdapters
    # Found by ActiveJob under the name `:tasker`.
    TaskerAdapter = TaskerCore::ActiveJob::Adapter
  end
end
