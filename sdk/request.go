package sdk

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

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

// Timestamp is a time whose JSON form may lack a zone, as existing clients send it.
type Timestamp struct{ time.Time }

// UnmarshalJSON reads RFC 3339, with or without a zone.
func (t *Timestamp) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "null" {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			t.Time = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("time %q is not like 2026-01-31T12:00:00Z", text)
}
