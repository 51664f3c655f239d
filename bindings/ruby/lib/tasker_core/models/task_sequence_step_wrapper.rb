# frozen_string_literal: true

require "tasker_core/models/dependency_results_wrapper"
require "tasker_core/models/step_definition_wrapper"
require "tasker_core/models/task_wrapper"
require "tasker_core/models/workflow_step_wrapper"

module TaskerCore
  module Models
    # All that an event tells of its step.
    class TaskSequenceStepWrapper
      attr_reader :task, :workflow_step, :dependency_results, :step_definition

      # Reads a step event, or its `task_sequence_step`.
      def initialize(step_data)
        data = IndifferentHash.with_strings(step_data)
        data = IndifferentHash.with_strings(data["task_sequence_step"]) if data["task_sequence_step"]
        @task = TaskWrapper.new(data["task"])
        @workflow_step = WorkflowStepWrapper.new(data["workflow_step"])
        @dependency_results = DependencyResultsWrapper.new(data["dependency_results"])
        @step_definition = StepDefinitionWrapper.new(data["step_definition"])
      end

      # A field of the task's context, or nil.
      def get_task_field(field_name)
        task.context[field_name]
      end

      # What an earlier step returned, or nil.
      def get_dependency_result(step_name)
        dependency_results.get_results(step_name)
      end
      alias get_results get_dependency_result
    end
  end
end
