package worker

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/internal/actor"
)

// StepExecutorActor is the door to [StepExecutorService].
type StepExecutorActor struct {
	actor.Base
	service *StepExecutorService
}

// NewStepExecutorActor makes the actor.
func NewStepExecutorActor(s *StepExecutorService, logger *slog.Logger) *StepExecutorActor {
	return &StepExecutorActor{actor.NewBase("StepExecutorActor", logger), s}
}

// HandleExecuteStep dispatches a leased step.
func (a *StepExecutorActor) HandleExecuteStep(ctx context.Context, msg ExecuteStepMessage) (bool, error) {
	return a.service.ExecuteStep(ctx, msg.Step, msg.Task)
}
