package workflow

import "github.com/tasker-systems/tasker-go/sdk"

// AttemptResult is the end of one attempt, with what deciding about it needs.
type AttemptResult struct {
	TaskUUID   sdk.UUID
	TemplateID int32
	StepNo     int32
	Counts     AttemptCounts
	// From is the state the step is in: in_progress, or the one that a queued result waits in.
	From StepState
	// Result tells how the attempt went. Nil gives it back unused.
	Result *sdk.StepExecutionResult
}
