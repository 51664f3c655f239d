package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// FastPublisher delivers events within the process, without waiting; [Bus] is one.
type FastPublisher interface {
	Publish(e DomainEvent) error
}

// EventRouter sends each event where its delivery mode says.
type EventRouter struct {
	durable  DurablePublisher
	fast     FastPublisher
	log      *slog.Logger
	counters routerCounters
}

type routerCounters struct {
	total, durable, fast, broadcast, fastErrors, errors atomic.Uint64
}

// RouterStats counts what an [EventRouter] was given.
type RouterStats struct {
	TotalRouted     uint64 `json:"total_routed"`
	DurableRouted   uint64 `json:"durable_routed"`
	FastRouted      uint64 `json:"fast_routed"`
	BroadcastRouted uint64 `json:"broadcast_routed"`
	// FastDeliveryErrors count fast and broadcast events that the process's bus did not take.
	FastDeliveryErrors uint64 `json:"fast_delivery_errors"`
	// RoutingErrors count events that did not reach their queue, and those without a known delivery mode.
	RoutingErrors uint64 `json:"routing_errors"`
}

// NewEventRouter routes between a durable queue and the process's bus. logger may be nil: that is [slog.Default].
func NewEventRouter(durable DurablePublisher, fast FastPublisher, logger *slog.Logger) *EventRouter {
	if logger == nil {
		logger = slog.Default()
	}
	return &EventRouter{durable: durable, fast: fast, log: logger}
}

// Delivery is an event on its way.
type Delivery struct {
	// Mode "" means durable.
	Mode  template.DeliveryMode
	Event DomainEvent
}

// Route delivers a batch. It returns an error for each delivery, nil for those that arrived. The fast half of a broadcast
// event comes first; if it fails, that is counted and logged, and the durable half still goes out and decides.
func (r *EventRouter) Route(ctx context.Context, batch []Delivery) []error {
	errs := make([]error, len(batch))
	queues := map[string][]int{} // the deliveries of each namespace that are to be durable
	for i := range batch {
		r.counters.total.Add(1)
		switch d := &batch[i]; d.Mode {
		case template.DeliverDurable, "":
			r.counters.durable.Add(1)
			queues[d.Event.Metadata.Namespace] = append(queues[d.Event.Metadata.Namespace], i)
		case template.DeliverFast:
			r.counters.fast.Add(1)
			errs[i] = r.deliverFast(ctx, &d.Event)
		case template.DeliverBroadcast:
			r.counters.broadcast.Add(1)
			_ = r.deliverFast(ctx, &d.Event) // counted and logged
			queues[d.Event.Metadata.Namespace] = append(queues[d.Event.Metadata.Namespace], i)
		default:
			r.counters.errors.Add(1)
			errs[i] = fmt.Errorf("route domain event %s: no delivery mode is called %q", d.Event.EventName, d.Mode)
		}
	}
	for namespace, members := range queues {
		r.deliverDurably(ctx, namespace, batch, members, errs)
	}
	return errs
}

func (r *EventRouter) deliverFast(ctx context.Context, e *DomainEvent) error {
	err := r.fast.Publish(*e)
	if err != nil {
		r.counters.fastErrors.Add(1)
		r.log.WarnContext(ctx, "a domain event was not delivered within the process", "event_name", e.EventName,
			"event_id", e.EventID, "correlation_id", e.Metadata.CorrelationID, "error", err)
	}
	return err
}

// deliverDurably publishes the members of batch that belong to one namespace, and notes what failed in errs.
func (r *EventRouter) deliverDurably(ctx context.Context, namespace string, batch []Delivery, members []int, errs []error) {
	events := make([]DomainEvent, len(members))
	for place, i := range members {
		events[place] = batch[i].Event
	}
	err := r.durable.Publish(ctx, namespace, events)
	var partial *PartialPublishError
	some := errors.As(err, &partial)
	for _, i := range members {
		if some {
			errs[i] = partial.Failed[batch[i].Event.EventID]
		} else {
			errs[i] = err
		}
		if errs[i] != nil {
			r.counters.errors.Add(1)
		}
	}
}

// Stats reads the counters.
func (r *EventRouter) Stats() RouterStats {
	return RouterStats{
		TotalRouted: r.counters.total.Load(), DurableRouted: r.counters.durable.Load(), FastRouted: r.counters.fast.Load(),
		BroadcastRouted: r.counters.broadcast.Load(), FastDeliveryErrors: r.counters.fastErrors.Load(),
		RoutingErrors: r.counters.errors.Load(),
	}
}
