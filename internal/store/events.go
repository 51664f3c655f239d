package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/sdk"
)

// DomainEvent is an event in the queue of its namespace, which upstream calls {namespace}_domain_events.
type DomainEvent struct {
	EventID sdk.UUID
	Name    string
	// Body is the whole event.
	Body json.RawMessage

	// ID is the place in the queue. The database sets it, and PublishedAt.
	ID          int64
	PublishedAt time.Time
}

// Publishers of a namespace take turns, so that ids are committed in order. Their commits would wait for each other in
// any case, because they notify.
const publishDomainEvents = `/* tasker:publish_domain_events */
with turn as materialized (
  select pg_advisory_xact_lock(hashtextextended('tasker.domain_events/' || $1, 0))
), added as (
  insert into tasker.domain_events (namespace, event_id, event_name, body)
  select $1, e.event_id, e.event_name, e.body::jsonb
  from turn, unnest($2::uuid[], $3::text[], $4::text[]) with ordinality as e (event_id, event_name, body, place)
  order by e.place
  on conflict (event_id) do nothing
  returning 1
)
select pg_notify('tasker_events', $1) from added having count(*) > 0`

// PublishDomainEvents appends events to the queue of their namespace, all or none, and notifies tasker_events with the
// namespace. Events that are there already are left alone, so that a doubtful call can be repeated.
func (s *Store) PublishDomainEvents(ctx context.Context, namespace string, events []DomainEvent) error {
	eventIDs := ids(len(events), func(i int) sdk.UUID { return events[i].EventID })
	names, bodies := make([]string, len(events)), make([]string, len(events))
	for i, e := range events {
		names[i], bodies[i] = e.Name, string(e.Body)
	}
	if _, err := s.query.Exec(ctx, publishDomainEvents, namespace, eventIDs, names, bodies); err != nil {
		return fmt.Errorf("publish %d domain events of namespace %s: %w", len(events), namespace, err)
	}
	return nil
}

const readDomainEvents = `/* tasker:read_domain_events */
select event_id, event_name, body::text, id, published_at from tasker.domain_events
where namespace = $1 and id > $2 order by id limit $3`

// MaxDomainEventsRead bounds the events that one [Store.ReadDomainEvents] returns.
const MaxDomainEventsRead = 1000

// ReadDomainEvents reads a namespace's queue from after the event with this id; 0 reads from its start. It returns 1 to
// limit events in order, or none when there is no more. A limit outside of 1 to [MaxDomainEventsRead] counts as the nearest.
func (s *Store) ReadDomainEvents(ctx context.Context, namespace string, afterID int64, limit int) ([]DomainEvent, error) {
	rows, err := s.query.Query(ctx, readDomainEvents, namespace, afterID, min(max(limit, 1), MaxDomainEventsRead))
	if err != nil {
		return nil, fmt.Errorf("read domain events of namespace %s: %w", namespace, err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e DomainEvent, err error) {
		var id pgtype.UUID
		var body string
		err = row.Scan(&id, &e.Name, &body, &e.ID, &e.PublishedAt)
		e.EventID, e.Body = id.Bytes, json.RawMessage(body)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read domain events of namespace %s: %w", namespace, err)
	}
	return events, nil
}
