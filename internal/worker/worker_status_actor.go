package worker

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/sdk"
)

// WorkerStatusActor is the door to [WorkerStatusService].
type WorkerStatusActor struct {
	actor.Base
	service *WorkerStatusService
	events  *DomainEventActor
}

// NewWorkerStatusActor makes the actor.
func NewWorkerStatusActor(s *WorkerStatusService, events *DomainEventActor, logger *slog.Logger) *WorkerStatusActor {
	return &WorkerStatusActor{actor.NewBase("WorkerStatusActor", logger), s, events}
}

// HandleGetWorkerStatus describes the worker.
func (a *WorkerStatusActor) HandleGetWorkerStatus(context.Context, GetWorkerStatusMessage) (WorkerStatus, error) {
	return a.service.Status(), nil
}

// HandleHealthCheck says whether the worker can do its work.
func (a *WorkerStatusActor) HandleHealthCheck(ctx context.Context, _ HealthCheckMessage) (HealthReport, error) {
	return a.service.Health(ctx), nil
}

// HandleGetEventStatus describes the domain events.
func (a *WorkerStatusActor) HandleGetEventStatus(context.Context, GetEventStatusMessage) (EventIntegrationStatus, error) {
	return a.events.status(), nil
}

// HandleSetEventIntegration turns domain events on or off.
func (a *WorkerStatusActor) HandleSetEventIntegration(_ context.Context, msg SetEventIntegrationMessage) (struct{}, error) {
	a.events.enabled.Store(msg.Enabled)
	return struct{}{}, nil
}

func (a *WorkerStatusActor) record(r *sdk.StepExecutionResult) { a.service.record(r) }
