# frozen_string_literal: true

require "tasker_core/types/client_types"

module TaskerCore
  module Types
    module ClientTypes
      # A dead letter: a task that needs somebody to look at it.
      class DlqEntry < Value
        extend Told

        attribute :dlq_entry_uuid, Kinds::STRING
        told Kinds::STRING, :task_uuid, :original_state, :dlq_reason, :dlq_timestamp, :resolution_status, :resolution_timestamp,
             :resolution_notes, :resolved_by
        told Kinds::RECORD, :task_snapshot, :metadata
        told Kinds::STRING, :created_at, :updated_at
      end

      # How many dead letters there are of a reason.
      class DlqStats < Value
        extend Told

        attribute :dlq_reason, Kinds::STRING
        told Kinds::INTEGER, :total_entries, :pending, :manually_resolved, :permanent_failures, :cancelled
        told Kinds::STRING, :oldest_entry, :newest_entry
        told Kinds::FLOAT, :avg_resolution_time_minutes
      end

      # A dead letter that nobody has resolved yet, and what its task does now. The highest `priority_score` comes first.
      class DlqInvestigation < Value
        extend Told

        attribute :dlq_entry_uuid, Kinds::STRING
        told Kinds::STRING, :task_uuid, :original_state, :dlq_reason, :dlq_timestamp, :namespace_name, :task_name, :current_state
        told Kinds::FLOAT, :minutes_in_dlq, :priority_score
        told Kinds::INTEGER, :time_in_state_minutes
      end

      # How long an open task has not moved. `health_status` is `healthy`, `warning` or `stale`.
      class TaskStaleness < Value
        extend Told

        attribute :task_uuid, Kinds::STRING
        told Kinds::STRING, :namespace_name, :task_name, :current_state, :health_status
        told Kinds::INTEGER, :time_in_state_minutes, :task_age_minutes, :staleness_threshold_minutes, :priority
      end

      # A step in a {TaskSummary}.
      class StepSummary < Value
        extend Told

        attribute :step_uuid, Kinds::STRING
        told Kinds::STRING, :name, :state, :error, :next_retry_at
        told Kinds::INTEGER, :attempts, :max_attempts, :duration_ms
      end

      # What there is to know of a task in one answer.
      class TaskSummary < Value
        attribute :task, Kinds.instance(TaskResponse)
        attribute :steps, Kinds.list(Kinds.instance(StepSummary)), default: -> { [] }
        attribute? :template_content_hash, Kinds::STRING
        attribute? :dlq, Kinds.instance(DlqEntry)
        attribute :links, Kinds::RECORD, default: -> { IndifferentHash.new }
      end
    end
  end
end
