package orchestration

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/internal/actor"
)

// StepEnqueuerActor is the door to [StepEnqueuerService].
type StepEnqueuerActor struct {
	actor.Base
	enqueuer *StepEnqueuerService
}

var _ actor.Handler[ProcessBatchMessage, StepEnqueuerServiceResult] = (*StepEnqueuerActor)(nil)

// NewStepEnqueuerActor makes the actor.
func NewStepEnqueuerActor(s *StepEnqueuerService, logger *slog.Logger) *StepEnqueuerActor {
	return &StepEnqueuerActor{actor.NewBase("StepEnqueuerActor", logger), s}
}

// Handle does one sweep.
func (a *StepEnqueuerActor) Handle(ctx context.Context, _ ProcessBatchMessage) (StepEnqueuerServiceResult, error) {
	return a.enqueuer.ProcessBatch(ctx)
}
