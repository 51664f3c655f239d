# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module Types
    # Which step is to be run, by names.
    class StepMessage
      attr_reader :step_name, :namespace, :task_name, :task_version, :step_id, :task_uuid, :step_uuid

      def initialize(attrs = {})
        said = IndifferentHash.wrap(attrs)
        @step_name = said["step_name"]
        @namespace = said["namespace"]
        @task_name = said["task_name"]
        @task_version = said["task_version"]
        @step_id = said["step_id"]
        @task_uuid = said["task_uuid"]
        @step_uuid = said["step_uuid"]
        @execution_context = said["execution_context"] || IndifferentHash.new
      end

      # What else was sent with it.
      attr_reader :execution_context
    end
  end
end
