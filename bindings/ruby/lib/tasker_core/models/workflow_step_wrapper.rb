# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module Models
    # A step's own row.
    class WorkflowStepWrapper
      # Reads the `workflow_step` of an event.
      def initialize(step_data)
        @told = IndifferentHash.with_strings(step_data)
      end

      def workflow_step_uuid
        @told["workflow_step_uuid"]
      end

      def task_uuid
        @told["task_uuid"]
      end

      def named_step_uuid
        @told["named_step_uuid"]
      end

      def name
        @told["name"]
      end

      def template_step_name
        @told["template_step_name"] || name
      end

      def retryable
        @told.fetch("retryable", true)
      end

      def max_attempts
        @told["max_attempts"] || 3
      end

      def attempts
        @told["attempts"] || 0
      end

      def in_process
        @told["in_process"] || false
      end

      def processed
        @told["processed"] || false
      end

      def processed_at
        @told["processed_at"]
      end

      def last_attempted_at
        @told["last_attempted_at"]
      end

      def backoff_request_seconds
        @told["backoff_request_seconds"]
      end

      def created_at
        @told["created_at"]
      end

      def updated_at
        @told["updated_at"]
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
    end
  end
end
