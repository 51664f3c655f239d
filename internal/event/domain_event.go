package event

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tasker-systems/tasker-go/sdk"
)

// EventVersion is the version of the shape of [DomainEvent].
const EventVersion = "1.0"

// DomainEvent is an event as it travels. Those who receive one share what it points to: they must not change it.
type DomainEvent struct {
	// EventID is of version 7. Both halves of a broadcast event carry the same one.
	EventID      sdk.UUID      `json:"event_id"`
	EventName    string        `json:"event_name"`
	EventVersion string        `json:"event_version"`
	Payload      EventPayload  `json:"payload"`
	Metadata     EventMetadata `json:"metadata"`
}

// EventPayload is what happened, with the step it happened to.
type EventPayload struct {
	TaskSequenceStep json.RawMessage          `json:"task_sequence_step"`
	ExecutionResult  *sdk.StepExecutionResult `json:"execution_result"`
	// Payload is the business payload, which the declaration's schema speaks of.
	Payload json.RawMessage `json:"payload"`
}

// EventMetadata says where and when an event came to be.
type EventMetadata struct {
	TaskUUID      sdk.UUID      `json:"task_uuid"`
	StepUUID      sdk.UUID      `json:"step_uuid"`
	StepName      string        `json:"step_name"`
	Namespace     string        `json:"namespace"`
	CorrelationID sdk.UUID      `json:"correlation_id"`
	FiredAt       sdk.Timestamp `json:"fired_at"`
	// FiredBy names the process that fired the event.
	FiredBy string `json:"fired_by"`

	// Additional stands beside the other fields in JSON; what bears the name of one of them is left out.
	Additional map[string]any `json:"-"`
}

var metadataFields = []string{"task_uuid", "step_uuid", "step_name", "namespace", "correlation_id", "fired_at", "fired_by"}

// plainMetadata is EventMetadata without its methods.
type plainMetadata EventMetadata

// MarshalJSON writes Additional after the fields.
func (m EventMetadata) MarshalJSON() ([]byte, error) {
	fields, err := json.Marshal(plainMetadata(m))
	rest := additional(m.Additional)
	if err != nil || rest == nil {
		return fields, err
	}
	more, err := json.Marshal(rest)
	if err != nil {
		return nil, err
	}
	fields[len(fields)-1] = ','
	return append(fields, more[1:]...), nil
}

// UnmarshalJSON reads unknown fields into Additional.
func (m *EventMetadata) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, (*plainMetadata)(m)); err != nil {
		return err
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	m.Additional = additional(all)
	return nil
}

// additional returns what of all is not a field of the metadata, or nil.
func additional(all map[string]any) map[string]any {
	var rest map[string]any
	for name, value := range all {
		if slices.ContainsFunc(metadataFields, func(field string) bool { return strings.EqualFold(field, name) }) {
			continue // without regard to case, as encoding/json reads them
		}
		if rest == nil {
			rest = map[string]any{}
		}
		rest[name] = value
	}
	return rest
}
