package store

import (
	"context"
	"fmt"
	"time"
)

// Backlog is what waits in the queues, and who is there to work on it.
type Backlog struct {
	// Ready counts steps that wait for a worker, and Results those that wait for a server. Above the limit that was given they
	// are only known to be more.
	Ready, Results int64
	// Oldest is how long the first of the ready steps that were counted waits.
	Oldest time.Duration
	// Blocked counts tasks whose failures nobody has repaired, and DeadLetters pending investigations.
	Blocked, DeadLetters int64
	// Workers have a lease, Slots between them, and Busy of those in use.
	Workers, Slots, Busy int64
}

const backlog = `/* tasker:backlog */
select r.n, r.age, (select count(*) from (select from tasker.step_results_queue limit $1) q),
  (select count(*) from tasker.blocked_tasks), (select count(*) from tasker.tasks_dlq where resolution_status = 'pending'), w.*
from (select count(*) as n, greatest(coalesce(clock_timestamp() - min(ready_at), '0'), '0') as age
    from (select ready_at from tasker.ready_steps limit $1) q) r,
  (select count(*), coalesce(sum(slots), 0), coalesce(sum(busy), 0) from tasker.workers
    where stopped_at is null and lease_until > clock_timestamp()) w`

// Backlog counts what waits, up to limit for each queue, so that the length of the queues does not matter.
func (s *Store) Backlog(ctx context.Context, limit int) (b Backlog, err error) {
	row := s.query.QueryRow(ctx, backlog, limit)
	if err := row.Scan(&b.Ready, &b.Oldest, &b.Results, &b.Blocked, &b.DeadLetters, &b.Workers, &b.Slots, &b.Busy); err != nil {
		return b, fmt.Errorf("look at the queues: %w", err)
	}
	return b, nil
}
