# frozen_string_literal: true

require "tasker_core/models/dependency_results_wrapper"
require "tasker_core/models/step_definition_wrapper"
require "tasker_core/models/task_wrapper"
require "tasker_core/models/workflow_step_wrapper"

module TaskerCore
  module Models
    # All that an event tells of its step. It is read when it is asked for.
    class TaskSequenceStepWrapper
      # Reads a step event, or its `task_sequence_step`.
      def initialize(step_data)
        @told = IndifferentHash.read(step_data, "task_sequence_step") || step_data
      end

      def task
        @task ||= TaskWrapper.new(IndifferentHash.read(@told, "task"))
      end

      def workflow_step
        @workflow_step ||= WorkflowStepWrapper.new(IndifferentHash.read(@told, "workflow_step"))
      end

      def dependency_results
        @dependency_results ||= DependencyResultsWrapper.new(IndifferentHash.read(@told, "dependency_results"))
      end

      def step_definition
        @step_definition ||= StepDefinitionWrapper.new(IndifferentHash.read(@told, "step_definition"))
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
