package worker

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/tasker-systems/tasker-go/internal/actor"
)

// DomainEvents publishes what steps declare; the DomainEventSystem is one. It never waits and never fails a step.
type DomainEvents interface {
	DispatchStepEvents(ctx context.Context, msg DispatchDomainEventsMessage) bool
	EventCounts() (published, dropped uint64)
}

// EventIntegrationStatus describes the domain events of a worker.
type EventIntegrationStatus struct {
	Enabled         bool   `json:"enabled"`
	EventsPublished uint64 `json:"events_published"`
	EventsDropped   uint64 `json:"events_dropped"`
}

// DomainEventActor is the door to the DomainEventSystem.
type DomainEventActor struct {
	actor.Base
	events  DomainEvents
	enabled atomic.Bool
}

var _ actor.Handler[DispatchDomainEventsMessage, bool] = (*DomainEventActor)(nil)

// NewDomainEventActor makes the actor.
func NewDomainEventActor(e DomainEvents, logger *slog.Logger) *DomainEventActor {
	a := &DomainEventActor{Base: actor.NewBase("DomainEventActor", logger), events: e}
	a.enabled.Store(true)
	return a
}

// Handle publishes the events of a finished step, whose result was accepted before.
func (a *DomainEventActor) Handle(ctx context.Context, msg DispatchDomainEventsMessage) (bool, error) {
	return a.enabled.Load() && a.events.DispatchStepEvents(ctx, msg), nil
}

func (a *DomainEventActor) status() EventIntegrationStatus {
	published, dropped := a.events.EventCounts()
	return EventIntegrationStatus{Enabled: a.enabled.Load(), EventsPublished: published, EventsDropped: dropped}
}
