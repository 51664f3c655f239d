# frozen_string_literal: true

require "tasker_core/models"
require "tasker_core/types/step_controls"

module TaskerCore
  module Types
    # What a handler knows of the step that it runs.
    class StepContext
      # Makes the context of one attempt, from a step event, from its `task_sequence_step`, or from a wrapper of that.
      # `controls` answers to what {StepControls} does.
      def initialize(step_data, handler_name: nil, controls: nil)
        @step_data = step_data
        @sequence = step_data.is_a?(Hash) ? Models::TaskSequenceStepWrapper.new(step_data) : step_data
        @handler_name = handler_name
        @controls = controls || StepControls::NONE
      end

      # The task.
      def task
        @sequence.task
      end

      # The step's own row.
      def workflow_step
        @sequence.workflow_step
      end

      # The records of the steps before it.
      def dependency_results
        @sequence.dependency_results
      end

      # The step as its template declares it.
      def step_definition
        @sequence.step_definition
      end

      # What the template calls the handler by.
      def handler_name
        @handler_name ||= step_definition.handler.callable
      end

      # What ties logs of the task together.
      def correlation_id
        told["correlation_id"] || task.correlation_id
      end

      def task_uuid
        task.task_uuid
      end

      def step_uuid
        workflow_step.workflow_step_uuid
      end

      # What the task was created with. A batch worker's own inputs are {#step_inputs}.
      def input_data
        task.context
      end
      alias context input_data

      # What the step itself was given; batch workers find their range here.
      def step_inputs
        workflow_step.inputs
      end

      # The template's `handler.initialization`.
      def step_config
        step_definition.handler.initialization
      end

      # The attempts before this one.
      def retry_count
        workflow_step.attempts
      end

      # How many attempts the template allows.
      def max_retries
        workflow_step.max_attempts
      end

      # A field of the task's context, or nil.
      def get_task_field(field_name)
        input_data[field_name]
      end
      alias get_input get_task_field

      # A field of the task's context, or the default if it is missing or null.
      def get_input_or(field_name, default = nil)
        value = input_data[field_name]
        value.nil? ? default : value
      end

      # A field of the handler's configuration in the template, or nil.
      def get_config(key)
        step_config[key]
      end

      # What an earlier step returned, or nil if there is no such result.
      def get_dependency_result(step_name)
        dependency_results.get_results(step_name)
      end

      # Walks into what an earlier step returned; nil where the way ends.
      def get_dependency_field(step_name, *path)
        path.reduce(get_dependency_result(step_name)) do |value, key|
          case value
          when Hash then value[key]
          when Array then key.is_a?(Integer) ? value[key] : nil
          end
        end
      end

      # The names of the steps whose results are there.
      def get_dependency_result_keys
        dependency_results.keys
      end

      # What the steps returned whose names begin with the prefix, such as all workers of a batch.
      def get_all_dependency_results(prefix)
        dependency_results.keys.grep(/\A#{Regexp.escape(prefix.to_s)}/).map { |name| get_dependency_result(name) }
      end

      def is_retry?
        retry_count.positive?
      end

      # Whether no attempt is left after this one.
      def is_last_retry?
        retry_count >= max_retries - 1
      end

      # The same for all attempts of this step, and for no other step. Give it to the systems that the handler changes, so
      # that a second attempt does not repeat an effect.
      def idempotency_key
        step_uuid
      end

      # Whether the result is no longer wanted: the task was cancelled, or the step's time is up.
      def cancelled?
        @controls.cancelled?
      end

      # Says that the handler is still at work, so that a long step is not taken for lost. False means that the handler
      # should stop, because its result is no longer wanted.
      def heartbeat(details = nil)
        @controls.heartbeat(details) && !cancelled?
      end

      # What was saved by `checkpoint_yield`, or nil.
      def checkpoint
        workflow_step.checkpoint
      end

      def has_checkpoint?
        !checkpoint.nil?
      end

      # Where to go on, as it was saved.
      def checkpoint_cursor
        checkpoint && checkpoint["cursor"]
      end

      # How many items were done when it was saved.
      def checkpoint_items_processed
        (checkpoint && checkpoint["items_processed"]) || 0
      end

      # The partial results that were saved.
      def accumulated_results
        checkpoint && checkpoint["accumulated_results"]
      end

      def namespace_name
        task.namespace_name
      end
      alias namespace namespace_name

      # The step's name in its task.
      def step_name
        workflow_step.name
      end

      # Whether the template allows another attempt at all.
      def retryable?
        workflow_step.retryable
      end

      # The event that announced the attempt, with parts such as `trace_id` and `timeout_ms`.
      def event
        @event ||= IndifferentHash.wrap(told)
      end

      def to_s
        "#<#{self.class} task_uuid=#{task_uuid} step_uuid=#{step_uuid} handler_name=#{handler_name}>"
      end

      def inspect
        "#<#{self.class} task_uuid=#{task_uuid} step_uuid=#{step_uuid} step_name=#{step_name} handler_name=#{handler_name} " \
          "retry_count=#{retry_count} max_retries=#{max_retries}>"
      end

      private

      def told
        @step_data.is_a?(Hash) ? IndifferentHash.with_strings(@step_data) : {}
      end
    end
  end
end
