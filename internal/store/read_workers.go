package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// WorkerState tells whether a worker is there.
type WorkerState string

// The states of a worker.
const (
	WorkerLive    WorkerState = "live"
	WorkerLost    WorkerState = "lost" // its lease ran out, and it has not stopped
	WorkerStopped WorkerState = "stopped"
)

// WorkerView is a worker as people read it.
type WorkerView struct {
	ID                      int32
	Name, Hostname, Version string
	PID                     int32
	// Namespaces that it serves; empty means all.
	Namespaces  []string
	Slots, Busy int32
	State       WorkerState
	StartedAt   time.Time
	HeartbeatAt time.Time
	LeaseUntil  time.Time // others may take its steps once that has passed
	StoppedAt   *time.Time
}

const listWorkers = `/* tasker:list_workers */
select w.worker_id, w.name, w.hostname, w.version, w.pid, w.namespaces, w.slots, w.busy,
  case when w.stopped_at is not null then 'stopped' when not ` + leaseEnded + ` and w.lease_until > clock_timestamp() then 'live' else 'lost' end,
  w.started_at, w.heartbeat_at, w.lease_until, w.stopped_at
from tasker.workers w where $1 or w.stopped_at is null order by w.worker_id`

// Workers lists the workers that have not stopped or, with stopped, all that ever were.
func (s *Store) Workers(ctx context.Context, stopped bool) ([]WorkerView, error) {
	rows, err := s.query.Query(ctx, listWorkers, stopped)
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	workers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[WorkerView])
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	return workers, nil
}

// QueueView tells of the steps that wait for one handler.
type QueueView struct {
	Namespace, Callable string
	// Ready counts the queue's rows. Steps that were cancelled since are among them until a worker passes them over.
	Ready int64
	// Oldest is when the first of them was queued.
	Oldest time.Time
	// Workers that are live and offer the handler, their slots, and how many of these run something.
	Workers, Slots, Busy int64
	// Offered says whether any worker ever had the handler.
	Offered bool
}

// Reason tells people why the steps wait; "" means that they are about to be taken.
func (q *QueueView) Reason() string {
	switch {
	case !q.Offered:
		return fmt.Sprintf("no worker has ever offered handler %q in namespace %q", q.Callable, q.Namespace)
	case q.Workers == 0:
		return fmt.Sprintf("no live worker offers handler %q in namespace %q", q.Callable, q.Namespace)
	case q.Busy >= q.Slots:
		return fmt.Sprintf("all %d slots of the live workers are busy", q.Slots)
	}
	return ""
}

const readQueues = `/* tasker:read_queues */
select h.namespace, h.callable, q.ready, q.oldest, w.workers, w.slots, w.busy, h.offered_at is not null
from (select handler_id, count(*) as ready, min(ready_at) as oldest from tasker.ready_steps group by 1) q
join tasker.handlers h using (handler_id)
cross join lateral (
  select count(*) as workers, coalesce(sum(w.slots), 0)::bigint as slots, coalesce(sum(w.busy), 0)::bigint as busy
  from tasker.workers w where w.stopped_at is null and w.lease_until > clock_timestamp()
    and h.handler_id = any(w.handlers)) w
order by 1, 2`

// Queues tells of each handler that steps wait for.
func (s *Store) Queues(ctx context.Context) ([]QueueView, error) {
	rows, err := s.query.Query(ctx, readQueues)
	if err != nil {
		return nil, fmt.Errorf("read queues: %w", err)
	}
	queues, err := pgx.CollectRows(rows, pgx.RowToStructByPos[QueueView])
	if err != nil {
		return nil, fmt.Errorf("read queues: %w", err)
	}
	return queues, nil
}
