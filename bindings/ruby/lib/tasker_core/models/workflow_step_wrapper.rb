# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module Models
    # A step's own row.
    class WorkflowStepWrapper
      attr_reader :workflow_step_uuid, :task_uuid, :named_step_uuid, :name, :template_step_name, :retryable, :max_attempts,
                  :in_process, :processed, :processed_at, :attempts, :last_attempted_at, :backoff_request_seconds, :inputs,
                  :results, :created_at, :updated_at, :checkpoint

      # Reads the `workflow_step` of an event.
      def initialize(step_data)
        data = IndifferentHash.wrap(step_data || {})
        read_identity(data)
        read_progress(data)
        @inputs = data["inputs"] || IndifferentHash.new
        @results = data["results"] || IndifferentHash.new
        @checkpoint = data["checkpoint"].is_a?(Hash) ? data["checkpoint"] : nil
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
