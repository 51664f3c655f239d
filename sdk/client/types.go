package client

import (
	"encoding/json"

	"github.com/tasker-systems/tasker-go/sdk"
)

// TaskResponse is a task with the sum of its steps.
type TaskResponse struct {
	TaskUUID  sdk.UUID `json:"task_uuid"`
	Name      string   `json:"name"`
	Namespace string   `json:"namespace"`
	Version   string   `json:"version"`
	// Status is one of the Status values.
	Status    string        `json:"status"`
	CreatedAt sdk.Timestamp `json:"created_at"`
	// UpdatedAt is when the task or one of its steps last moved.
	UpdatedAt           sdk.Timestamp   `json:"updated_at"`
	CompletedAt         *sdk.Timestamp  `json:"completed_at"`
	Context             json.RawMessage `json:"context"`
	Initiator           string          `json:"initiator"`
	SourceSystem        string          `json:"source_system"`
	Reason              string          `json:"reason"`
	Priority            *int32          `json:"priority"`
	Tags                []string        `json:"tags"`
	CorrelationID       sdk.UUID        `json:"correlation_id"`
	ParentCorrelationID *sdk.UUID       `json:"parent_correlation_id"`

	TotalSteps      int64 `json:"total_steps"`
	PendingSteps    int64 `json:"pending_steps"`
	InProgressSteps int64 `json:"in_progress_steps"`
	CompletedSteps  int64 `json:"completed_steps"`
	FailedSteps     int64 `json:"failed_steps"`
	ReadySteps      int64 `json:"ready_steps"`
	// ExecutionStatus sums the steps up: blocked_by_failures, has_ready_steps, processing, all_complete or
	// waiting_for_dependencies. RecommendedAction says what follows from it.
	ExecutionStatus   string `json:"execution_status"`
	RecommendedAction string `json:"recommended_action"`
	// CompletionPercentage is 0 to 100.
	CompletionPercentage Float `json:"completion_percentage"`
	// HealthStatus is healthy, recovering, blocked or unknown.
	HealthStatus string `json:"health_status"`
	// PausedAt is set while the task is paused. It is ours.
	PausedAt *sdk.Timestamp `json:"paused_at,omitempty"`
	// Steps is empty in lists.
	Steps []StepReadinessStatus `json:"steps"`
}

// The states of a task.
const (
	StatusPending                = "pending"
	StatusInitializing           = "initializing"
	StatusEnqueuingSteps         = "enqueuing_steps"
	StatusStepsInProcess         = "steps_in_process"
	StatusEvaluatingResults      = "evaluating_results"
	StatusWaitingForDependencies = "waiting_for_dependencies"
	StatusWaitingForRetry        = "waiting_for_retry"
	StatusBlockedByFailures      = "blocked_by_failures"
	StatusComplete               = "complete"
	StatusError                  = "error"
	StatusCancelled              = "cancelled"
	StatusResolvedManually       = "resolved_manually"
)

// Ended says whether the task will not move any more.
func (t *TaskResponse) Ended() bool {
	switch t.Status {
	case StatusComplete, StatusError, StatusCancelled, StatusResolvedManually:
		return true
	}
	return false
}

// Resting says whether the task has ended, or waits for somebody to repair its failed steps.
func (t *TaskResponse) Resting() bool { return t.Ended() || t.Status == StatusBlockedByFailures }

// StepReadinessStatus tells what a step waits for.
type StepReadinessStatus struct {
	WorkflowStepUUID      sdk.UUID   `json:"workflow_step_uuid"`
	TaskUUID              sdk.UUID   `json:"task_uuid"`
	NamedStepUUID         sdk.UUID   `json:"named_step_uuid"`
	Name                  string     `json:"name"`
	CurrentState          string     `json:"current_state"`
	DependenciesSatisfied bool       `json:"dependencies_satisfied"`
	RetryEligible         bool       `json:"retry_eligible"`
	ReadyForExecution     bool       `json:"ready_for_execution"`
	LastFailureAt         *NaiveTime `json:"last_failure_at"`
	NextRetryAt           *NaiveTime `json:"next_retry_at"`
	TotalParents          int32      `json:"total_parents"`
	CompletedParents      int32      `json:"completed_parents"`
	// Attempts are those that were used up, of at most MaxAttempts.
	Attempts              int32      `json:"attempts"`
	MaxAttempts           int32      `json:"max_attempts"`
	BackoffRequestSeconds *int32     `json:"backoff_request_seconds"`
	LastAttemptedAt       *NaiveTime `json:"last_attempted_at"`
}

// PaginationInfo tells which page of a list this is.
type PaginationInfo struct {
	Page        uint32 `json:"page"` // from 1
	PerPage     uint32 `json:"per_page"`
	TotalCount  uint64 `json:"total_count"`
	TotalPages  uint32 `json:"total_pages"`
	HasNext     bool   `json:"has_next"`
	HasPrevious bool   `json:"has_previous"`
}

// TaskListResponse is a page of tasks, newest first.
type TaskListResponse struct {
	Tasks      []TaskResponse `json:"tasks"`
	Pagination PaginationInfo `json:"pagination"`
}

// StepResponse is a step of a task.
type StepResponse struct {
	StepUUID    sdk.UUID       `json:"step_uuid"`
	TaskUUID    sdk.UUID       `json:"task_uuid"`
	Name        string         `json:"name"`
	CreatedAt   sdk.Timestamp  `json:"created_at"`
	UpdatedAt   sdk.Timestamp  `json:"updated_at"`
	CompletedAt *sdk.Timestamp `json:"completed_at"`
	// Results is null until an attempt has ended; see [StepResponse.Result].
	Results               json.RawMessage `json:"results"`
	CurrentState          string          `json:"current_state"`
	DependenciesSatisfied bool            `json:"dependencies_satisfied"`
	RetryEligible         bool            `json:"retry_eligible"`
	ReadyForExecution     bool            `json:"ready_for_execution"`
	TotalParents          int32           `json:"total_parents"`
	CompletedParents      int32           `json:"completed_parents"`
	// Attempts are those that were used up, of at most MaxAttempts.
	Attempts        int32          `json:"attempts"`
	MaxAttempts     int32          `json:"max_attempts"`
	LastFailureAt   *sdk.Timestamp `json:"last_failure_at"`
	NextRetryAt     *sdk.Timestamp `json:"next_retry_at"`
	LastAttemptedAt *sdk.Timestamp `json:"last_attempted_at"`
}

// Result decodes Results, the record of the last attempt that ended. It is nil if none has.
func (s *StepResponse) Result() (*sdk.StepExecutionResult, error) {
	var r *sdk.StepExecutionResult
	if len(s.Results) == 0 {
		return nil, nil
	}
	err := json.Unmarshal(s.Results, &r)
	return r, err
}

// NamespaceSummary counts the templates of a namespace.
type NamespaceSummary struct {
	Name          string  `json:"name"`
	Description   *string `json:"description"`
	TemplateCount int     `json:"template_count"`
}

// TemplateSummary names a template.
type TemplateSummary struct {
	Name        string  `json:"name"`
	Namespace   string  `json:"namespace"`
	Version     string  `json:"version"`
	Description *string `json:"description"`
	StepCount   int     `json:"step_count"`
}

// TemplateListResponse lists templates and their namespaces.
type TemplateListResponse struct {
	Namespaces []NamespaceSummary `json:"namespaces"`
	Templates  []TemplateSummary  `json:"templates"`
	TotalCount int                `json:"total_count"`
}

// TemplateDetail is a template with all it declares.
type TemplateDetail struct {
	Name        string  `json:"name"`
	Namespace   string  `json:"namespace"`
	Version     string  `json:"version"`
	Description *string `json:"description"`
	// Configuration is the whole template.
	Configuration json.RawMessage  `json:"configuration"`
	Steps         []StepDefinition `json:"steps"`
}

// StepDefinition is a step that a template declares.
type StepDefinition struct {
	Name               string          `json:"name"`
	Description        *string         `json:"description"`
	DefaultRetryable   bool            `json:"default_retryable"`
	DefaultMaxAttempts int32           `json:"default_max_attempts"`
	ResultSchema       json.RawMessage `json:"result_schema"`
}

// ErrorResponse is the body of every answer that is no success.
type ErrorResponse struct {
	Error ErrorDetail `json:"error"`
}

// ErrorDetail says what went wrong.
type ErrorDetail struct {
	// Code is one of the Code values.
	Code string `json:"code"`
	// Message is for people.
	Message string `json:"message"`
}
