# frozen_string_literal: true

require "tasker_core/types/names"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # How attempts of steps ended.
    module StepTypes
      # The outcome of an attempt in one word.
      class StepExecutionStatus < Value
        SUCCESSFUL = %w[success completed].freeze
        private_constant :SUCCESSFUL

        attribute :status, Kinds.one_of("success", "completed", "failed", "error", "in_progress", "pending")

        def success?
          SUCCESSFUL.include?(status)
        end
        alias completed? success?

        def failed?
          %w[failed error].include?(status)
        end

        def in_progress?
          status == "in_progress"
        end
      end

      # Why an attempt failed.
      class StepExecutionError < Value
        attribute :error_type, Kinds::TEXT
        attribute :message, Kinds::STRING
        attribute :retryable, Kinds::BOOL, default: true
        attribute? :error_code, Kinds::TEXT
        attribute? :stack_trace, Kinds::ANY

        # Without what is not told.
        def to_h
          super.compact
        end
      end

      # The record of one attempt.
      class StepResult < Value
        attribute :task_uuid, Kinds::STRING
        attribute :step_uuid, Kinds::STRING
        attribute :status, Kinds.instance(StepExecutionStatus)
        attribute :execution_time_ms, Kinds::COUNT
        attribute :completed_at, Kinds::TIME, default: -> { Time.now.utc }
        attribute? :result_data, Kinds::ANY
        attribute? :error, Kinds.instance(StepExecutionError)
        attribute? :orchestration_metadata, Kinds::HASH

        class << self
          def success(step_uuid:, task_uuid:, result_data: nil, execution_time_ms: 0)
            ended("success", step_uuid, task_uuid, execution_time_ms, result_data: result_data)
          end

          def in_progress(step_uuid:, task_uuid:, result_data: nil, execution_time_ms: 0)
            ended("in_progress", step_uuid, task_uuid, execution_time_ms, result_data: result_data)
          end

          def failure(step_uuid:, task_uuid:, error:, execution_time_ms: 0)
            ended("failed", step_uuid, task_uuid, execution_time_ms, error: error)
          end

          private

          def ended(status, step_uuid, task_uuid, execution_time_ms, **more)
            new(
              step_uuid: step_uuid, task_uuid: task_uuid, status: { status: status }, execution_time_ms: execution_time_ms, **more
            )
          end
        end

        def success?
          status.success?
        end

        def failed?
          status.failed?
        end

        # With the status as a word, and without what is not told.
        def to_h
          super.merge(status: status.status, completed_at: completed_at.iso8601).compact
        end
      end

      # A step that has ended, in short.
      class StepCompletion < Value
        attribute :step_name, Kinds::TEXT
        attribute :status, Kinds.one_of("complete", "failed", "pending")
        attribute :results, Kinds::ANY, default: -> { {} }
        attribute? :duration_ms, Kinds::COUNT
        attribute? :completed_at, Kinds::TIME
        attribute? :error_message, Kinds::STRING

        # Whether what it says goes together.
        def valid?
          !step_name.empty? && (!failed? || !error_message.to_s.empty?)
        end

        def completed?
          status == "complete"
        end

        def failed?
          status == "failed"
        end

        def pending?
          status == "pending"
        end

        def duration_seconds
          duration_ms && (duration_ms / 1000.0)
        end

        def to_s
          "#<#{self.class} #{step_name} #{status}>"
        end
      end
    end
  end
end
