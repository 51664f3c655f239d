# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module Models
    # A step's own row.
    class WorkflowStepWrapper
      attr_reader :workflow_step_uuid, :task_uuid, :named_step_uuid, :name, :template_step_name, :retryable, :max_attempts,
                  :in_process, :processed, :processed_at, :attempts, :last_attempted_at, :backoff_request_seconds,
                  :created_at, :updated_at

      # Reads the `workflow_step` of an event.
      def initialize(step_data)
        data = IndifferentHash.with_strings(step_data)
        read_identity(data)
        read_progress(data)
        @told = data
      end

      # What the step itself was given; batch workers find their range here.
      def inputs
        @inputs ||= IndifferentHash.wrap(@told["inputs"] || {})
      end

      # The record of the last attempt that ended.
      def results
        @results ||= IndifferentHash.wrap(@told["results"] || {})
      end

      # What was saved by an earlier attempt, or nil.
      def checkpoint
        @checkpoint ||= IndifferentHash.wrap(@told["checkpoint"]) if @told["checkpoint"].is_a?(Hash)
      end

      private

      def read_identity(data)
        @workflow_step_uuid = data["workflow_step_uuid"]
        @task_uuid = data["task_uuid"]
        @named_step_uuid = data["named_step_uuid"]
        @name = data["name"]
        @template_step_name = data["template_step_name"] || @name
        @created_at = data["created_at"]
        @updated_at = data["updated_at"]
      end

      def read_progress(data)
        @retryable = data.fetch("retryable", true)
        @max_attempts = data["max_attempts"] || 3
        @attempts = data["attempts"] || 0
        @in_process = data["in_process"] || false
        @processed = data["processed"] || false
        @processed_at = data["processed_at"]
        @last_attempted_at = data["last_attempted_at"]
        @backoff_request_seconds = data["backoff_request_seconds"]
      end
    end
  end
end
