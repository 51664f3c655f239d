package orchestration

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/internal/actor"
)

// TaskFinalizerActor is the door to [TaskFinalizer].
type TaskFinalizerActor struct {
	actor.Base
	finalizer *TaskFinalizer
}

var _ actor.Handler[FinalizeTaskMessage, FinalizationResult] = (*TaskFinalizerActor)(nil)

// NewTaskFinalizerActor makes the actor.
func NewTaskFinalizerActor(f *TaskFinalizer, logger *slog.Logger) *TaskFinalizerActor {
	return &TaskFinalizerActor{actor.NewBase("TaskFinalizerActor", logger), f}
}

// Handle finalizes one task.
func (a *TaskFinalizerActor) Handle(ctx context.Context, msg FinalizeTaskMessage) (FinalizationResult, error) {
	return a.finalizer.FinalizeTask(ctx, msg.TaskUUID)
}
