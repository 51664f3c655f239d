package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// DurablePublisher appends events to the queue of a namespace, where they survive restarts.
type DurablePublisher interface {
	// Publish returns nil if all events are in the queue and a [PartialPublishError] if some are. Any other error means that
	// none may be. Publishing an event again is harmless.
	Publish(ctx context.Context, namespace string, events []DomainEvent) error
}

// PartialPublishError reports the events of a batch that were not published; all others were.
type PartialPublishError struct {
	// Failed holds what kept each of these events back, by its id.
	Failed map[sdk.UUID]error
}

func (e *PartialPublishError) Error() string {
	return fmt.Sprintf("%d domain events were not published", len(e.Failed))
}

// eventStore is the part of [store.Store] that publishing needs.
type eventStore interface {
	PublishDomainEvents(ctx context.Context, namespace string, events []store.DomainEvent) error
}

// StorePublisher is the [DurablePublisher] over PostgreSQL.
type StorePublisher struct{ store eventStore }

var _ DurablePublisher = (*StorePublisher)(nil)

// NewStorePublisher publishes to the queues that [store.Store.ReadDomainEvents] reads.
func NewStorePublisher(s *store.Store) *StorePublisher { return &StorePublisher{s} }

// retryDelays are the waits before a batch is tried again after a failure that may pass.
var retryDelays = []time.Duration{50 * time.Millisecond, 250 * time.Millisecond, time.Second}

// Publish tries again when the database was out of reach, until ctx is done. An event that the database can never take does
// not keep back the others.
func (p *StorePublisher) Publish(ctx context.Context, namespace string, events []DomainEvent) error {
	failed := map[sdk.UUID]error{}
	rows := make([]store.DomainEvent, 0, len(events))
	for i := range events {
		body, err := json.Marshal(&events[i])
		if err != nil {
			failed[events[i].EventID] = fmt.Errorf("encode domain event %s: %w", events[i].EventName, err)
			continue
		}
		rows = append(rows, store.DomainEvent{EventID: events[i].EventID, Name: events[i].EventName, Body: body})
	}
	err := p.append(ctx, namespace, rows)
	if store.Classify(err) == store.RemedyRefuse {
		err = nil
		for _, row := range rows {
			if one := p.append(ctx, namespace, []store.DomainEvent{row}); one != nil {
				failed[row.EventID] = one
			}
		}
	}
	if err == nil && len(failed) > 0 {
		err = &PartialPublishError{failed}
	}
	return err
}

// append stores all rows or none.
func (p *StorePublisher) append(ctx context.Context, namespace string, rows []store.DomainEvent) error {
	if len(rows) == 0 {
		return nil
	}
	for try := 0; ; try++ {
		err := p.store.PublishDomainEvents(ctx, namespace, rows)
		remedy := store.Classify(err)
		if (remedy != store.RemedyRetry && remedy != store.RemedyReconnect) || try == len(retryDelays) {
			return err
		}
		select {
		case <-time.After(retryDelays[try]):
		case <-ctx.Done():
			return err
		}
	}
}
