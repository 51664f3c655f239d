# frozen_string_literal: true

require "tasker_core/types/names"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # What clients are answered. Fields that a server does not tell are nil.
    module ClientTypes
      # Declares fields that a server tells, or not.
      module Told
        private

        def told(kind, *names)
          names.each { |name| attribute?(name, kind) }
        end
      end

      # Where a step stands: what it waits for, and when it may run.
      class StepReadiness < Value
        extend Told

        told Kinds::STRING, :workflow_step_uuid, :task_uuid, :named_step_uuid, :name, :current_state
        told Kinds::BOOL, :dependencies_satisfied, :retry_eligible, :ready_for_execution
        told Kinds::STRING, :last_failure_at, :next_retry_at, :last_attempted_at
        told Kinds::INTEGER, :total_parents, :completed_parents, :attempts, :max_attempts, :backoff_request_seconds
      end

      # A task, with the sum of its steps.
      class TaskResponse < Value
        extend Told

        attribute :task_uuid, Kinds::STRING
        told Kinds::STRING, :name, :namespace, :version, :status, :created_at, :updated_at, :completed_at
        told Kinds::RECORD, :context
        told Kinds::STRING, :initiator, :source_system, :reason
        told Kinds::INTEGER, :priority
        told Kinds.list(Kinds::STRING), :tags
        told Kinds::STRING, :correlation_id, :parent_correlation_id
        told Kinds::INTEGER, :total_steps, :pending_steps, :in_progress_steps, :completed_steps, :failed_steps, :ready_steps
        told Kinds::STRING, :execution_status, :recommended_action
        told Kinds::FLOAT, :completion_percentage
        told Kinds::STRING, :health_status, :paused_at
        attribute :steps, Kinds.list(Kinds::RECORD), default: -> { [] }

        def to_s
          "#<#{self.class} #{namespace}/#{name} #{task_uuid} #{status}>"
        end
      end

      # Which page of a list this is; pages count from 1.
      class PaginationInfo < Value
        extend Told

        told Kinds::INTEGER, :page, :per_page, :total_count, :total_pages
        told Kinds::BOOL, :has_next, :has_previous
      end

      # A page of tasks, newest first.
      class TaskListResponse < Value
        attribute :tasks, Kinds.list(Kinds.instance(TaskResponse)), default: -> { [] }
        attribute :pagination, Kinds::RECORD, default: -> { IndifferentHash.new }
      end

      # A step of a task. `results` is the record of the last attempt that ended, or nil.
      class StepResponse < Value
        extend Told

        attribute :step_uuid, Kinds::STRING
        told Kinds::STRING, :task_uuid, :name, :created_at, :updated_at, :completed_at
        told Kinds::RECORD, :results
        told Kinds::STRING, :current_state
        told Kinds::BOOL, :dependencies_satisfied, :retry_eligible, :ready_for_execution
        told Kinds::INTEGER, :total_parents, :completed_parents, :attempts, :max_attempts
        told Kinds::STRING, :last_failure_at, :next_retry_at, :last_attempted_at
      end

      # One change of a step's state.
      class StepAuditResponse < Value
        extend Told

        attribute :audit_uuid, Kinds::STRING
        told Kinds::STRING, :workflow_step_uuid, :transition_uuid, :task_uuid, :recorded_at, :worker_uuid, :correlation_id
        told Kinds::BOOL, :success
        told Kinds::INTEGER, :execution_time_ms
        told Kinds::ANY, :result
        told Kinds::STRING, :step_name, :from_state, :to_state
      end

      # A sign of life.
      class HealthResponse < Value
        extend Told

        told Kinds::STRING, :status, :timestamp

        def healthy?
          status == "healthy"
        end
      end
    end
  end
end
