package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tasker-systems/tasker-go/sdk"
)

// OutcomeRecord is what is kept of an attempt beside its value, its times and its worker.
type OutcomeRecord struct {
	Error                 *sdk.StepExecutionError    `json:"error,omitempty"`
	Metadata              OutcomeMetadata            `json:"metadata,omitzero"`
	OrchestrationMetadata *sdk.OrchestrationMetadata `json:"orchestration_metadata,omitempty"`
	// Reason tells why there is no further attempt.
	Reason string `json:"reason,omitempty"`
}

// OutcomeMetadata is the part of [sdk.StepExecutionMetadata] that is kept.
type OutcomeMetadata struct {
	Retryable      bool           `json:"retryable,omitempty"`
	HandlerVersion string         `json:"handler_version,omitempty"`
	WorkerHostname string         `json:"worker_hostname,omitempty"`
	ErrorCode      string         `json:"error_code,omitempty"`
	ErrorType      string         `json:"error_type,omitempty"`
	Custom         map[string]any `json:"custom,omitempty"`
	Context        map[string]any `json:"context,omitempty"`
}

// IsZero says whether there is nothing to keep.
func (m OutcomeMetadata) IsZero() bool {
	return !m.Retryable && m.HandlerVersion == "" && m.WorkerHostname == "" && m.ErrorCode == "" && m.ErrorType == "" &&
		len(m.Custom) == 0 && len(m.Context) == 0
}

// EncodeOutcome records an attempt as JSON. It is nil for a plain success, of which there is nothing more to say.
func EncodeOutcome(r *sdk.StepExecutionResult, reason string) (json.RawMessage, error) {
	m := &r.Metadata
	record := OutcomeRecord{
		Error: r.Error, OrchestrationMetadata: r.OrchestrationMetadata, Reason: reason,
		Metadata: OutcomeMetadata{
			m.Retryable && !r.Success, m.HandlerVersion, m.WorkerHostname, m.ErrorCode, m.ErrorType, m.Custom, m.Context,
		},
	}
	if r.Success && record.Error == nil && record.OrchestrationMetadata == nil && record.Metadata.IsZero() {
		return nil, nil
	}
	raw, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode what an attempt reported: %w", err)
	}
	return raw, nil
}

// RestoreOutcome is the inverse of [EncodeOutcome]: it fills in what raw, which may be nil, records. Numbers keep their
// digits.
func RestoreOutcome(raw json.RawMessage, r *sdk.StepExecutionResult) error {
	if len(raw) == 0 {
		return nil
	}
	var record OutcomeRecord
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&record); err != nil {
		return fmt.Errorf("decode what an attempt reported: %w", err)
	}
	r.Error, r.OrchestrationMetadata = record.Error, record.OrchestrationMetadata
	m, to := &record.Metadata, &r.Metadata
	to.Retryable, to.HandlerVersion, to.WorkerHostname = m.Retryable, m.HandlerVersion, m.WorkerHostname
	to.ErrorCode, to.ErrorType, to.Custom, to.Context = m.ErrorCode, m.ErrorType, m.Custom, m.Context
	return nil
}
