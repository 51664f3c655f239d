# frozen_string_literal: true

require "tasker_core/types/names"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # Which step is to be run, by UUIDs. What they stand for is asked of {Client}.
    class SimpleStepMessage < Value
      attribute :task_uuid, Kinds::UUID
      attribute :step_uuid, Kinds::UUID
      attribute :ready_dependency_step_uuids, Kinds.list(Kinds::UUID), default: -> { [] }

      # A message for tests.
      def self.build_test(task_uuid:, step_uuid:, ready_dependency_step_uuids: [])
        new(task_uuid: task_uuid, step_uuid: step_uuid, ready_dependency_step_uuids: ready_dependency_step_uuids)
      end

      # Whether task, step and dependencies are there.
      def valid_references?
        task_exists? && step_exists? && all_dependencies_exist?
      end

      def task_exists?
        !fetch_task.nil?
      end

      def step_exists?
        !fetch_step.nil?
      end

      def all_dependencies_exist?
        fetch_dependencies.size == ready_dependency_step_uuids.size
      end

      # The task, or nil.
      def fetch_task
        found { client.get_task(task_uuid) }
      end

      # The step, or nil.
      def fetch_step
        found { client.get_step(task_uuid, step_uuid) }
      end

      # Those of the dependencies that are there.
      def fetch_dependencies
        ready_dependency_step_uuids.filter_map { |uuid| found { client.get_step(task_uuid, uuid) } }
      end

      private

      def client
        require "tasker_core"
        Client
      end

      def found
        yield
      rescue CoreNotFoundError
        nil
      end
    end
  end
end
