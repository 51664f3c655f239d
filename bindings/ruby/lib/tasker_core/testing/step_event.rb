# frozen_string_literal: true

require "securerandom"

module TaskerCore
  module Testing
    # Step events as the core makes them.
    module StepEvent
      class << self
        # @param context the task's context
        # @param dependencies what earlier steps returned, by their names
        # @param config the template's `handler.initialization`
        # @param inputs what the step itself is given, as workers of batches are
        # @param checkpoint where an earlier attempt yielded
        # @param retry_count the attempts before this one
        # @param max_attempts how many the template allows
        # @param handler the template's `handler.callable`, and `method` its `handler.method`
        def document(context: {}, dependencies: {}, config: {}, inputs: nil, checkpoint: nil, retry_count: 0,
                     max_attempts: 3, step_name: "step_under_test", namespace: "test", task_name: "task_under_test",
                     handler: nil, method: nil)
          ids = { task: SecureRandom.uuid, step: SecureRandom.uuid, correlation: SecureRandom.uuid }
          records = dependencies.to_h { |name, result| [name.to_s, record(result)] }
          {
            **event(ids),
            task_sequence_step: {
              task: task(ids, context, task_name, namespace),
              workflow_step: workflow_step(ids, step_name, max_attempts, retry_count)
                .merge(inputs: inputs, checkpoint: checkpoint),
              dependency_results: records,
              step_definition: definition(
                step_name, { callable: handler, method: method, resolver: nil, initialization: config }, records.keys,
                max_attempts
              )
            }
          }
        end

        private

        def event(ids)
          {
            schema_version: 1, event_id: SecureRandom.uuid, task_uuid: ids[:task], step_uuid: ids[:step],
            correlation_id: ids[:correlation], task_correlation_id: ids[:correlation], parent_correlation_id: nil,
            trace_id: ids[:correlation].delete("-"), span_id: ids[:step].delete("-")[0, 16], timeout_ms: 30_000
          }
        end

        def record(result)
          { step_uuid: SecureRandom.uuid, success: true, status: "completed", result: result }
        end

        def task(ids, context, name, namespace)
          {
            task: { task_uuid: ids[:task], correlation_id: ids[:correlation], parent_correlation_id: nil, context: context },
            task_name: name, task_version: "1.0.0", namespace_name: namespace
          }
        end

        def workflow_step(ids, name, max_attempts, retry_count)
          {
            workflow_step_uuid: ids[:step], task_uuid: ids[:task], name: name, template_step_name: name, retryable: true,
            max_attempts: max_attempts, attempts: retry_count, in_process: true, processed: false
          }
        end

        def definition(name, handler, dependencies, max_attempts)
          {
            name: name, description: nil, handler: handler, type: "standard", system_dependency: nil,
            dependencies: dependencies, timeout_seconds: nil, publishes_events: [], batch_config: nil,
            retry: {
              retryable: true, max_attempts: max_attempts, backoff: "exponential", backoff_base_ms: 1000, max_backoff_ms: 30_000
            }
          }
        end
      end
    end
  end
end
