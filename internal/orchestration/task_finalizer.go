package orchestration

import (
	"context"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// FinalizationAction names what finalization did.
type FinalizationAction string

// The actions.
const (
	FinalizationCompleted  FinalizationAction = "completed"
	FinalizationFailed     FinalizationAction = "failed"
	FinalizationReenqueued FinalizationAction = "reenqueued"
	FinalizationNoAction   FinalizationAction = "no_action"
)

// FinalizationResult tells what finalization did to a task.
type FinalizationResult struct {
	TaskUUID sdk.UUID
	Action   FinalizationAction
	From, To workflow.TaskState
}

// TaskFinalizer moves tasks to where their steps say they are. The statement that ends a step does this for its task by
// counters; the finalizer counts the steps themselves, for operators and repairs.
type TaskFinalizer struct{ store *store.Store }

// NewTaskFinalizer makes the service.
func NewTaskFinalizer(s *store.Store) *TaskFinalizer { return &TaskFinalizer{s} }

// FinalizeTask moves a task as far as its steps allow. Calling it again is harmless.
func (f *TaskFinalizer) FinalizeTask(ctx context.Context, id sdk.UUID) (FinalizationResult, error) {
	from, to, err := f.store.FinalizeTask(ctx, id, workflow.DecideFinalization)
	if err != nil {
		return FinalizationResult{}, err
	}
	return FinalizationResult{TaskUUID: id, Action: action(from, to), From: from, To: to}, nil
}

func action(from, to workflow.TaskState) FinalizationAction {
	switch {
	case from == to:
		return FinalizationNoAction
	case to == workflow.TaskComplete:
		return FinalizationCompleted
	case to == workflow.TaskBlockedByFailures:
		return FinalizationFailed
	}
	return FinalizationReenqueued
}
