package sdk

import "encoding/json"

// StepResult is what a handler returns when its step succeeded.
type StepResult struct {
	// Value becomes the step's result: anything that encoding/json takes. nil becomes {}. A value that cannot be encoded
	// fails the step for good.
	Value any
	// Metadata is kept beside the result.
	Metadata map[string]any

	checkpoint *Checkpoint
}

// Success is a result with this value.
func Success(v any) StepResult { return StepResult{Value: v} }

// Status values of [StepExecutionResult].
const (
	StatusCompleted = "completed"
	StatusFailed    = "failed"
	StatusError     = "error"
)

// StepExecutionResult is the record of one attempt, as it is stored, sent between processes and given to later steps. Its
// JSON form is the wire contract of all languages.
type StepExecutionResult struct {
	StepUUID              UUID                   `json:"step_uuid"`
	Success               bool                   `json:"success"`
	Result                json.RawMessage        `json:"result"`
	Metadata              StepExecutionMetadata  `json:"metadata"`
	Status                string                 `json:"status"`
	Error                 *StepExecutionError    `json:"error"`
	OrchestrationMetadata *OrchestrationMetadata `json:"orchestration_metadata"`
}

// StepExecutionMetadata tells how an attempt went. The retry decision reads Retryable.
type StepExecutionMetadata struct {
	ExecutionTimeMS int64          `json:"execution_time_ms"`
	HandlerVersion  string         `json:"handler_version,omitempty"`
	Retryable       bool           `json:"retryable"`
	CompletedAt     Timestamp      `json:"completed_at"`
	WorkerID        string         `json:"worker_id,omitempty"`
	WorkerHostname  string         `json:"worker_hostname,omitempty"`
	StartedAt       *Timestamp     `json:"started_at,omitempty"`
	Custom          map[string]any `json:"custom"`
	ErrorCode       string         `json:"error_code,omitempty"`
	ErrorType       string         `json:"error_type,omitempty"`
	Context         map[string]any `json:"context"`
}

// StepExecutionError is the failure of an attempt.
type StepExecutionError struct {
	Message    string         `json:"message"`
	ErrorType  string         `json:"error_type,omitempty"`
	Backtrace  []string       `json:"backtrace,omitempty"`
	Retryable  bool           `json:"retryable"`
	StatusCode int            `json:"status_code,omitempty"`
	Context    map[string]any `json:"context,omitempty"`
}

// OrchestrationMetadata carries what a handler asks of the orchestrator.
type OrchestrationMetadata struct {
	Headers      map[string]string `json:"headers"`
	ErrorContext string            `json:"error_context,omitempty"`
	BackoffHint  *BackoffHint      `json:"backoff_hint,omitempty"`
	Custom       map[string]any    `json:"custom"`
}

// BackoffHint asks for a delay before the next attempt.
type BackoffHint struct {
	// BackoffType is ServerRequested, RateLimit, ServiceUnavailable or Custom.
	BackoffType  string `json:"backoff_type"`
	DelaySeconds uint32 `json:"delay_seconds"`
	Context      string `json:"context,omitempty"`
}
