package store

import (
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

// assembleResult puts the record of an attempt together from where its parts are kept: the value and the outcome on the step,
// the times and the worker in the ledger.
func assembleResult(v *StepView, result, outcome json.RawMessage, a endedAttempt) (*sdk.StepExecutionResult, error) {
	r := &sdk.StepExecutionResult{
		StepUUID: v.UUID(), Success: succeeded(v.State), Result: result, Status: sdk.StatusCompleted,
		Metadata: sdk.StepExecutionMetadata{WorkerID: a.worker},
	}
	if err := workflow.RestoreOutcome(outcome, r); err != nil {
		return nil, fmt.Errorf("step %s: %w", v.Name, err)
	}
	r.Success = r.Success && (r.Error == nil || len(result) > 0) // a failure that is tolerated, or was resolved, is one all the same
	r.Metadata.Custom, r.Metadata.Context = orEmpty(r.Metadata.Custom), orEmpty(r.Metadata.Context)
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
	if a.startedAt != nil {
		started := sdk.At(*a.startedAt)
		r.Metadata.StartedAt = &started
	}
	ended := v.UpdatedAt
	if a.endedAt != nil {
		ended = *a.endedAt
	}
	r.Metadata.CompletedAt = sdk.At(ended)
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
