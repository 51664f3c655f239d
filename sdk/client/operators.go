package client

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/tasker-systems/tasker-go/sdk"
)

// The actions on steps. The last two, and those on tasks, are ours.
const (
	ActionResetForRetry    = "reset_for_retry"
	ActionResolveManually  = "resolve_manually"
	ActionCompleteManually = "complete_manually"
	ActionRetryFrom        = "retry_from"
	ActionRunNow           = "run_now"
)

// The actions on tasks, beside [ActionResolveManually].
const (
	ActionPause  = "pause"
	ActionResume = "resume"
)

// ManualAction asks for an action on a step or a task. Who acts is in the field that fits the action: ResetBy, ResolvedBy,
// CompletedBy or, for all others, RequestedBy.
type ManualAction struct {
	ActionType string `json:"action_type"`
	// Reason is required, and kept in the trail.
	Reason      string `json:"reason"`
	ResetBy     string `json:"reset_by,omitempty"`
	ResolvedBy  string `json:"resolved_by,omitempty"`
	CompletedBy string `json:"completed_by,omitempty"`
	RequestedBy string `json:"requested_by,omitempty"`
	// CompletionData is what a step is completed with.
	CompletionData *ManualCompletionData `json:"completion_data,omitempty"`
}

// ManualCompletionData is what a step is completed with by hand.
type ManualCompletionData struct {
	Result   json.RawMessage `json:"result"`
	Metadata map[string]any  `json:"metadata,omitempty"`
}

// NewAction is an action with who acts in the field where the server looks.
func NewAction(action, by, reason string) ManualAction {
	a := ManualAction{ActionType: action, Reason: reason}
	switch action {
	case ActionResetForRetry:
		a.ResetBy = by
	case ActionResolveManually:
		a.ResolvedBy = by
	case ActionCompleteManually:
		a.CompletedBy = by
	default:
		a.RequestedBy = by
	}
	return a
}

// By is who acts.
func (a *ManualAction) By() string {
	switch a.ActionType {
	case ActionResetForRetry:
		return a.ResetBy
	case ActionResolveManually:
		return a.ResolvedBy
	case ActionCompleteManually:
		return a.CompletedBy
	}
	return a.RequestedBy
}

// StepAudit is a move of a step: the end of an attempt, or what somebody did by hand.
type StepAudit struct {
	AuditUUID        sdk.UUID      `json:"audit_uuid"`
	WorkflowStepUUID sdk.UUID      `json:"workflow_step_uuid"`
	TransitionUUID   sdk.UUID      `json:"transition_uuid"`
	TaskUUID         sdk.UUID      `json:"task_uuid"`
	RecordedAt       sdk.Timestamp `json:"recorded_at"`
	WorkerUUID       *string       `json:"worker_uuid,omitempty"`
	CorrelationID    *sdk.UUID     `json:"correlation_id,omitempty"`
	Success          bool          `json:"success"`
	ExecutionTimeMS  *int64        `json:"execution_time_ms,omitempty"`
	// Result is what there is to say of the move: an error, or who did it and why.
	Result    json.RawMessage `json:"result,omitempty"`
	StepName  string          `json:"step_name"`
	FromState *string         `json:"from_state,omitempty"`
	ToState   string          `json:"to_state"`
}

// ActOnStep does something to a step by hand, and returns the step as it then is.
func (c *Client) ActOnStep(ctx context.Context, task, step sdk.UUID, a ManualAction) (*StepResponse, error) {
	var s StepResponse
	r := &call{method: http.MethodPatch, path: taskPath(task) + "/workflow_steps/" + step.String(), body: a, once: true}
	if err := c.do(ctx, r, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// ActOnTask pauses, resumes or resolves a task by hand, and returns the task as it then is.
func (c *Client) ActOnTask(ctx context.Context, task sdk.UUID, a ManualAction) (*TaskResponse, error) {
	var t TaskResponse
	if err := c.do(ctx, &call{method: http.MethodPatch, path: taskPath(task), body: a, once: true}, &t); err != nil {
		return nil, err
	}
	return &t, nil
}

// StepAudit lists the moves of a step, oldest first.
func (c *Client) StepAudit(ctx context.Context, task, step sdk.UUID) ([]StepAudit, error) {
	var list []StepAudit
	r := &call{method: http.MethodGet, path: taskPath(task) + "/workflow_steps/" + step.String() + "/audit"}
	if err := c.do(ctx, r, &list); err != nil {
		return nil, err
	}
	return list, nil
}

// StepSummary is a step in a [TaskSummary].
type StepSummary struct {
	StepUUID    sdk.UUID       `json:"step_uuid"`
	Name        string         `json:"name"`
	State       string         `json:"state"`
	Attempts    int32          `json:"attempts"`
	MaxAttempts int32          `json:"max_attempts"`
	DurationMS  *int64         `json:"duration_ms"`
	Error       *string        `json:"error"`
	NextRetryAt *sdk.Timestamp `json:"next_retry_at"`
}

// TaskSummary is what there is to know of a task in one answer.
type TaskSummary struct {
	Task  TaskResponse  `json:"task"`
	Steps []StepSummary `json:"steps"`
	// TemplateContentHash names the content of the template that the task runs by, whatever is registered since.
	TemplateContentHash string `json:"template_content_hash"`
	// DLQ is the task's latest dead letter, or null.
	DLQ   *DLQEntry         `json:"dlq"`
	Links map[string]string `json:"links"`
}

// TaskSummary reads what there is to know of a task.
func (c *Client) TaskSummary(ctx context.Context, task sdk.UUID) (*TaskSummary, error) {
	var s TaskSummary
	if err := c.do(ctx, &call{method: http.MethodGet, path: taskPath(task) + "/summary"}, &s); err != nil {
		return nil, err
	}
	return &s, nil
}
