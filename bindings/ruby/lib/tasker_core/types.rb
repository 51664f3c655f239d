# frozen_string_literal: true

require "tasker_core/types/batch_processing_outcome"
require "tasker_core/types/client_types"
require "tasker_core/types/decision_point_outcome"
require "tasker_core/types/error_types"
require "tasker_core/types/handler_definition"
require "tasker_core/types/names"
require "tasker_core/types/operator_types"
require "tasker_core/types/simple_queue_message_data"
require "tasker_core/types/simple_step_message"
require "tasker_core/types/step_context"
require "tasker_core/types/step_controls"
require "tasker_core/types/step_handler_call_result"
require "tasker_core/types/step_message"
require "tasker_core/types/step_types"
require "tasker_core/types/task_template"
require "tasker_core/types/task_types"

module TaskerCore
  # What handlers are given and give back, and what clients are answered.
  module Types
    TaskRequest = TaskTypes::TaskRequest
    TaskResponse = TaskTypes::TaskResponse
    StepCompletion = StepTypes::StepCompletion
    ClientTaskResponse = ClientTypes::TaskResponse
    ClientTaskListResponse = ClientTypes::TaskListResponse
    ClientStepResponse = ClientTypes::StepResponse
    ClientStepAuditResponse = ClientTypes::StepAuditResponse
    ClientHealthResponse = ClientTypes::HealthResponse
    ClientPaginationInfo = ClientTypes::PaginationInfo
    ClientStepReadiness = ClientTypes::StepReadiness
    ClientTaskSummary = ClientTypes::TaskSummary
    ClientDlqEntry = ClientTypes::DlqEntry
    ClientDlqStats = ClientTypes::DlqStats
    ClientDlqInvestigation = ClientTypes::DlqInvestigation
    ClientTaskStaleness = ClientTypes::TaskStaleness
  end
end
