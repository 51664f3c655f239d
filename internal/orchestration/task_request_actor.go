package orchestration

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/internal/actor"
)

// TaskRequestActor is the door to [TaskRequestProcessor].
type TaskRequestActor struct {
	actor.Base
	processor *TaskRequestProcessor
}

var _ actor.Handler[ProcessTaskRequestMessage, TaskRequestResult] = (*TaskRequestActor)(nil)

// NewTaskRequestActor makes the actor.
func NewTaskRequestActor(p *TaskRequestProcessor, logger *slog.Logger) *TaskRequestActor {
	return &TaskRequestActor{actor.NewBase("TaskRequestActor", logger), p}
}

// Handle creates the task that is asked for.
func (a *TaskRequestActor) Handle(ctx context.Context, msg ProcessTaskRequestMessage) (TaskRequestResult, error) {
	return a.processor.ProcessTaskRequest(ctx, msg.Request, msg.RequestID)
}

// Stopped waits for the tasks that are being made.
func (a *TaskRequestActor) Stopped(ctx context.Context) error {
	a.processor.initializer.stop()
	return a.Base.Stopped(ctx)
}
