package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// WorkerRegistration describes a worker that comes to life.
type WorkerRegistration struct {
	Name, Hostname, Version string
	PID                     int
	// Namespaces that it serves; empty means all.
	Namespaces []string
	Slots      int
	// Lease is how long its steps stay its own after its last heartbeat.
	Lease time.Duration
}

const registerWorker = `/* tasker:register_worker */
insert into tasker.workers (name, hostname, pid, version, namespaces, slots, lease_ms, lease_until)
values ($1, $2, $3, $4, $5, $6, $7::int, clock_timestamp() + $7::int * interval '1 millisecond') returning worker_id`

// RegisterWorker starts a worker's lease. The id is never used again: a process that lost its lease registers anew.
func (s *Store) RegisterWorker(ctx context.Context, w WorkerRegistration) (int32, error) {
	var id int32
	namespaces := w.Namespaces
	if namespaces == nil {
		namespaces = []string{}
	}
	err := s.engine.QueryRow(ctx, registerWorker, w.Name, w.Hostname, w.PID, w.Version, namespaces, w.Slots, w.Lease.Milliseconds()).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("register worker %s: %w", w.Name, err)
	}
	return id, nil
}

// leaseEnded is true of a worker w whose steps are others' to take. [Store.EndLeases] or [Store.StopWorker] decides it, for
// good: until then even a late heartbeat extends the lease.
const leaseEnded = `w.lease_ms = 0`

const heartbeat = `/* tasker:heartbeat */
update tasker.workers w set heartbeat_at = clock_timestamp(), lease_until = clock_timestamp() + w.lease_ms * interval '1 millisecond',
  busy = $2
where w.worker_id = $1 and w.stopped_at is null and not ` + leaseEnded

// Heartbeat extends the worker's lease over all its steps. [ErrWorkerLost] means that it came too late.
func (s *Store) Heartbeat(ctx context.Context, workerID int32, busy int) error {
	tag, err := s.engine.Exec(ctx, heartbeat, workerID, busy)
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrWorkerLost
	}
	return nil
}

const stopWorker = `/* tasker:stop_worker */
with held as materialized (
  select exists (select from tasker.task_claims c join tasker.workflow_steps s on s.task_uuid = any(array[c.task_uuid])
    and s.worker_id = c.worker_id and s.state = 'in_progress' where c.worker_id = $1) as any
), freed as (
  delete from tasker.task_claims where worker_id = $1 and not (select h.any from held h)
)
update tasker.workers set lease_until = clock_timestamp(), lease_ms = 0, busy = 0,
  stopped_at = case when not (select h.any from held h) then clock_timestamp() end
where worker_id = $1`

// StopWorker ends a worker's lease. Steps that it still holds are anyone's to recover at once.
func (s *Store) StopWorker(ctx context.Context, workerID int32) error {
	if _, err := s.engine.Exec(ctx, stopWorker, workerID); err != nil {
		return fmt.Errorf("stop worker: %w", err)
	}
	return nil
}

const endLeases = `/* tasker:end_leases */
update tasker.workers w set lease_ms = 0
where w.stopped_at is null and not ` + leaseEnded + ` and w.lease_until < clock_timestamp()
  and w.lease_ms <= least($1, extract(epoch from clock_timestamp() - pg_postmaster_start_time()) * 1000)`

// EndLeases ends the leases that have run out, unless the worker may have had no way to say that it lives: nobody could while
// the database was away. So watched, for how long the caller has found the database at hand, must reach back a lease's length.
func (s *Store) EndLeases(ctx context.Context, watched time.Duration) error {
	if _, err := s.engine.Exec(ctx, endLeases, watched.Milliseconds()); err != nil {
		return fmt.Errorf("end leases: %w", err)
	}
	return nil
}

const lostSteps = `/* tasker:lost_steps */
select s.task_uuid, s.step_no, s.attempt, s.crashes, s.forgiven, t.template_id, w.name
from tasker.workers w
join tasker.task_claims c on c.worker_id = any(array[w.worker_id])
cross join lateral (
  select * from tasker.workflow_steps s where s.task_uuid = c.task_uuid and s.worker_id = c.worker_id and s.state = 'in_progress' offset 0) s
join tasker.tasks t on t.task_uuid = any(array[c.task_uuid])
where w.stopped_at is null and ` + leaseEnded + `
order by s.task_uuid, s.step_no limit $1`

// LostStep is a step whose worker's lease has ended.
type LostStep struct {
	TaskUUID   sdk.UUID
	StepNo     int32
	Counts     workflow.AttemptCounts
	TemplateID int32
	Worker     string
}

// LostSteps finds steps whose worker's lease has ended, at most limit. Ending them is the caller's, by
// [Store.ApplyOutcomes], whose fence makes it harmless that others find the same ones.
func (s *Store) LostSteps(ctx context.Context, limit int) ([]LostStep, error) {
	rows, err := s.engine.Query(ctx, lostSteps, limit)
	if err != nil {
		return nil, fmt.Errorf("find lost steps: %w", err)
	}
	lost, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l LostStep, err error) {
		var task pgtype.UUID
		err = row.Scan(&task, &l.StepNo, &l.Counts.Attempt, &l.Counts.Crashes, &l.Counts.Forgiven, &l.TemplateID, &l.Worker)
		l.TaskUUID = task.Bytes
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("find lost steps: %w", err)
	}
	return lost, nil
}

const buryWorkers = `/* tasker:bury_workers */
with dead as materialized (
  select w.worker_id from tasker.workers w
  where w.stopped_at is null and ` + leaseEnded + ` and w.lease_until < clock_timestamp() - interval '1 minute'
    and not exists (select from tasker.task_claims c join tasker.workflow_steps s on s.task_uuid = any(array[c.task_uuid])
                    and s.worker_id = w.worker_id and s.state = 'in_progress' where c.worker_id = w.worker_id)
  limit 10 for update skip locked
), claims as (
  delete from tasker.task_claims c using dead d where c.worker_id = any(array[d.worker_id])
)
update tasker.workers w set stopped_at = clock_timestamp() from dead d where w.worker_id = d.worker_id`

// BuryWorkers closes the books of workers that were lost more than a minute ago and hold no step.
func (s *Store) BuryWorkers(ctx context.Context) error {
	if _, err := s.engine.Exec(ctx, buryWorkers); err != nil {
		return fmt.Errorf("bury lost workers: %w", err)
	}
	return nil
}

const offerHandlers = `/* tasker:offer_handlers */
with mine as materialized (
  select h.handler_id, h.offered_at from tasker.handlers h
  where h.callable = any($2::text[]) and (cardinality($3::text[]) = 0 or h.namespace = any($3))
), offered as (
  update tasker.handlers h set offered_at = clock_timestamp() from mine m
  where h.handler_id = m.handler_id and m.offered_at is null
), told as (
  update tasker.workers w set handlers = m.ids
  from (select coalesce(array_agg(handler_id order by handler_id), '{}') as ids from mine) m
  where w.worker_id = $1 and w.handlers <> m.ids
)
select h.handler_id, h.namespace, h.callable from mine m join tasker.handlers h using (handler_id) order by 1`

// Handler is a callable of a namespace; steps are queued by it.
type Handler struct {
	ID        int32
	Namespace string
	Callable  string
}

// OfferHandlers finds the handlers that a worker with these callables serves, in these namespaces or, without any, in
// all. They are marked as known: their steps wait for such a worker rather than fail.
func (s *Store) OfferHandlers(ctx context.Context, workerID int32, callables, namespaces []string) ([]Handler, error) {
	if namespaces == nil {
		namespaces = []string{}
	}
	rows, err := s.query.Query(ctx, offerHandlers, workerID, callables, namespaces)
	if err != nil {
		return nil, fmt.Errorf("offer handlers: %w", err)
	}
	handlers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Handler])
	if err != nil {
		return nil, fmt.Errorf("offer handlers: %w", err)
	}
	return handlers, nil
}

const orphanSteps = `/* tasker:orphan_steps */
select h.namespace, h.callable, h.handler_id from tasker.handlers h
where h.offered_at is null and exists (
  select from tasker.ready_steps r where r.handler_id = h.handler_id and r.ready_at < clock_timestamp() - $1 * interval '1 millisecond')
  and exists (select from tasker.workers w where w.stopped_at is null and w.lease_until > clock_timestamp()
    and (cardinality(w.namespaces) = 0 or h.namespace = any(w.namespaces)))`

// OrphanHandlers lists handlers that no worker has ever offered, though steps have waited for them longer than grace and a
// worker serves their namespace.
func (s *Store) OrphanHandlers(ctx context.Context, grace time.Duration) ([]Handler, error) {
	rows, err := s.engine.Query(ctx, orphanSteps, grace.Milliseconds())
	if err != nil {
		return nil, fmt.Errorf("find orphaned handlers: %w", err)
	}
	handlers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h Handler, err error) {
		err = row.Scan(&h.Namespace, &h.Callable, &h.ID)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("find orphaned handlers: %w", err)
	}
	return handlers, nil
}
