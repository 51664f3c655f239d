package worker

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/event"
)

// EventIntegrationStatus describes the domain events of a worker.
type EventIntegrationStatus struct {
	Enabled bool        `json:"enabled"`
	Stats   event.Stats `json:"stats"`
}

// DomainEventActor is the door to the [event.DomainEventSystem].
type DomainEventActor struct {
	actor.Base
	events  *event.DomainEventSystem
	enabled atomic.Bool
}

var _ actor.Handler[DispatchDomainEventsMessage, bool] = (*DomainEventActor)(nil)

// NewDomainEventActor makes the actor.
func NewDomainEventActor(e *event.DomainEventSystem, logger *slog.Logger) *DomainEventActor {
	a := &DomainEventActor{Base: actor.NewBase("DomainEventActor", logger), events: e}
	a.enabled.Store(true)
	return a
}

// Started begins to publish.
func (a *DomainEventActor) Started(ctx context.Context) error {
	a.events.Start()
	return a.Base.Started(ctx)
}

// Handle publishes the events of a finished step, whose result was accepted before. It never waits.
func (a *DomainEventActor) Handle(ctx context.Context, msg DispatchDomainEventsMessage) (bool, error) {
	return a.enabled.Load() && a.events.Dispatch(ctx, msg.Event), nil
}

// Stopped publishes what waits.
func (a *DomainEventActor) Stopped(ctx context.Context) error {
	if err := a.events.Stop(ctx); err != nil {
		return err
	}
	return a.Base.Stopped(ctx)
}

func (a *DomainEventActor) status() EventIntegrationStatus {
	return EventIntegrationStatus{Enabled: a.enabled.Load(), Stats: a.events.Stats()}
}
