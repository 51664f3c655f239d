package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// endedAttempt is what the ledger says of the last attempt that ended; empty if none has.
type endedAttempt struct {
	startedAt, endedAt *time.Time
	executionMS        *int64
	worker, hostname   string
}

// storedOutcome is the column outcome: what an attempt reported beside its result and its times.
type storedOutcome struct {
	Error    *sdk.StepExecutionError `json:"error"`
	Metadata struct {
		HandlerVersion string         `json:"handler_version"`
		WorkerHostname string         `json:"worker_hostname"`
		Retryable      bool           `json:"retryable"`
		Custom         map[string]any `json:"custom"`
		ErrorCode      string         `json:"error_code"`
		ErrorType      string         `json:"error_type"`
		Context        map[string]any `json:"context"`
	} `json:"metadata"`
	OrchestrationMetadata *sdk.OrchestrationMetadata `json:"orchestration_metadata"`
}

// assembleResult puts the record of an attempt together from where its parts are kept: the value and the outcome on the step,
// the times and the worker in the ledger.
func assembleResult(v *StepView, result, outcome json.RawMessage, a endedAttempt) (*sdk.StepExecutionResult, error) {
	var o storedOutcome
	if len(outcome) > 0 {
		d := json.NewDecoder(bytes.NewReader(outcome))
		d.UseNumber() // a float64 would change the digits of large numbers
		if err := d.Decode(&o); err != nil {
			return nil, fmt.Errorf("outcome of step %s: %w", v.Name, err)
		}
	}
	r := &sdk.StepExecutionResult{
		StepUUID: v.UUID(), Success: succeeded(v.State), Result: result, Status: sdk.StatusCompleted,
		Error: o.Error, OrchestrationMetadata: o.OrchestrationMetadata,
		Metadata: sdk.StepExecutionMetadata{
			HandlerVersion: o.Metadata.HandlerVersion, WorkerHostname: o.Metadata.WorkerHostname, WorkerID: a.worker,
			Retryable: o.Metadata.Retryable, StartedAt: a.startedAt,
			ErrorCode: o.Metadata.ErrorCode, ErrorType: o.Metadata.ErrorType,
			Custom: orEmpty(o.Metadata.Custom), Context: orEmpty(o.Metadata.Context),
		},
	}
	if len(result) == 0 {
		r.Result = json.RawMessage("{}")
	}
	if !r.Success {
		r.Status = sdk.StatusFailed
	}
	if r.Metadata.WorkerHostname == "" {
		r.Metadata.WorkerHostname = a.hostname
	}
	if a.executionMS != nil {
		r.Metadata.ExecutionTimeMS = *a.executionMS
	}
	if a.endedAt != nil {
		r.Metadata.CompletedAt = *a.endedAt
	} else {
		r.Metadata.CompletedAt = v.UpdatedAt
	}
	return r, nil
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// succeeded says whether the last attempt that ended brought the step forward.
func succeeded(s workflow.StepState) bool {
	return s.SatisfiesDependents() || s == workflow.StepEnqueuedForOrchestration
}
