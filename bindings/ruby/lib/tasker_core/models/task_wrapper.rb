# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module Models
    # The task that a step belongs to.
    class TaskWrapper
      attr_reader :task_uuid, :namespace_name, :task_name, :task_version, :correlation_id, :parent_correlation_id

      # Reads the `task` of an event, whose own `task` holds the row.
      def initialize(task_data)
        data = IndifferentHash.with_strings(task_data)
        row = data["task"] ? IndifferentHash.with_strings(data["task"]) : data
        @task_uuid = row["task_uuid"]
        @told = row["context"]
        @namespace_name = data["namespace_name"]
        @task_name = data["task_name"]
        @task_version = data["task_version"]
        @correlation_id = row["correlation_id"]
        @parent_correlation_id = row["parent_correlation_id"]
      end

      # What the task was created with.
      def context
        @context ||= @told.is_a?(Hash) ? IndifferentHash.wrap(@told) : IndifferentHash.new
      end
    end
  end
end
