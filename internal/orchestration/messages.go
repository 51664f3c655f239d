package orchestration

import (
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// ProcessTaskRequestMessage asks for a task to be created.
type ProcessTaskRequestMessage struct {
	actor.Reply[TaskRequestResult]
	Request sdk.TaskRequest
}

// TaskRequestResult tells which task answers a request.
type TaskRequestResult struct {
	TaskUUID sdk.UUID
	// Existing says that an earlier request of the same identity made the task.
	Existing bool
}

// ProcessStepResultMessage hands over the ends of attempts, as a batch.
type ProcessStepResultMessage struct {
	actor.Reply[store.Applied]
	Results []StepResult
	// Lease lets the steps that become ready go straight to the asking worker.
	Lease store.Lease
}

// StepResult is the end of one attempt with what the decision about it needs.
type StepResult struct {
	TaskUUID   sdk.UUID
	TemplateID int32
	StepNo     int32
	StepName   string
	Counts     workflow.AttemptCounts
	// From is the state the result is taken from; see [store.Outcome].
	From   workflow.StepState
	Result *sdk.StepExecutionResult
	// Release gives the attempt back unused; Result is nil then.
	Release bool
}

// ProcessBatchMessage asks for one sweep: due timers fire and lost steps go back to the queue.
type ProcessBatchMessage struct {
	actor.Reply[StepEnqueuerServiceResult]
}

// StepEnqueuerServiceResult counts what a sweep did.
type StepEnqueuerServiceResult struct {
	TimersFired, StepsRecovered, StepsRefused int
}

// FinalizeTaskMessage asks for one task to be moved as far as its steps allow.
type FinalizeTaskMessage struct {
	actor.Reply[FinalizationResult]
	TaskUUID sdk.UUID
}

// FinalizationResult tells what finalization did to a task.
type FinalizationResult struct {
	TaskUUID sdk.UUID
	From, To workflow.TaskState
}
