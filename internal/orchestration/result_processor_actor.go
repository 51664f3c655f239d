package orchestration

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
)

// ResultProcessorActor is the door to [OrchestrationResultProcessor].
type ResultProcessorActor struct {
	actor.Base
	processor *OrchestrationResultProcessor
}

var _ actor.Handler[ProcessStepResultMessage, store.Applied] = (*ResultProcessorActor)(nil)

// NewResultProcessorActor makes the actor.
func NewResultProcessorActor(p *OrchestrationResultProcessor, logger *slog.Logger) *ResultProcessorActor {
	return &ResultProcessorActor{actor.NewBase("ResultProcessorActor", logger), p}
}

// Handle processes a batch of results.
func (a *ResultProcessorActor) Handle(ctx context.Context, msg ProcessStepResultMessage) (store.Applied, error) {
	return a.processor.ProcessStepResults(ctx, msg.Results, msg.Lease)
}

// HandleBegin has one result on its way.
func (a *ResultProcessorActor) HandleBegin(ctx context.Context, msg BeginStepResultMessage) (*store.Future[store.Applied], error) {
	return a.processor.BeginStepResult(ctx, msg.Result, msg.Lease), nil
}
