package sdk

import "encoding/json"

// TaskRequest asks for a task. Namespace, Name and Version name the template.
type TaskRequest struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Version   string `json:"version"`
	// Context is the task's input, any JSON; handlers read it.
	Context      json.RawMessage `json:"context"`
	Initiator    string          `json:"initiator"`
	SourceSystem string          `json:"source_system"`
	Reason       string          `json:"reason"`
	Tags         []string        `json:"tags,omitempty"`
	// RequestedAt may come without a zone; it is then UTC. Defaults to now.
	RequestedAt *Timestamp `json:"requested_at,omitempty"`
	// RunAt delays the task's start; it may come without a zone. A time that has passed delays nothing.
	RunAt *Timestamp `json:"run_at,omitempty"`
	// Options change how the request is taken: identity_strategy (strict, caller_provided or always_unique) comes before the
	// template's. Others are accepted and have no effect.
	Options map[string]json.RawMessage `json:"options,omitempty"`
	// Priority is -100 to 100, larger first. Defaults to 0.
	Priority            *int32 `json:"priority,omitempty"`
	CorrelationID       UUID   `json:"correlation_id,omitzero"`
	ParentCorrelationID *UUID  `json:"parent_correlation_id,omitempty"`
	// IdempotencyKey names this request: a second one with the same key, for the same template, finds the first one's task.
	IdempotencyKey string `json:"idempotency_key,omitempty"`
}
