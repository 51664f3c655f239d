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
	// RequestID, if not empty, is the same when the request is made again because its answer was lost: then a request that would
	// make a task each time finds the first one's.
	RequestID string
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
	Results []workflow.AttemptResult
	// Lease lets the steps that become ready go straight to the asking worker.
	Lease store.Lease
}

// BeginStepResultMessage hands over the end of one attempt for callers who must not wait. The answer is nil where only
// [ProcessStepResultMessage] will do.
type BeginStepResultMessage struct {
	actor.Reply[*store.Future[store.Applied]]
	Result workflow.AttemptResult
	Lease  store.Lease
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
