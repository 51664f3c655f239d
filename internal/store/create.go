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

// NewTask is a task to be created.
type NewTask struct {
	TaskUUID            sdk.UUID
	TemplateID          int32
	Priority            int32
	IdentityHash        []byte
	CorrelationID       sdk.UUID
	ParentCorrelationID sdk.UUID
	Initiator           string
	SourceSystem        string
	Reason              string
	Tags                []string
	Context             json.RawMessage
	RequestedAt         time.Time
	// Delay keeps the task pending for this long.
	Delay time.Duration
}

// Created is what came of [Store.CreateTasks].
type Created struct {
	// Leased steps are the asking worker's to run.
	Leased []LeasedStep
	// Existing maps the index of a task that was not created to the task that has its identity.
	Existing map[int]sdk.UUID
}

const createTasks = `/* tasker:create_tasks */
with me as materialized (
  select from tasker.workers where worker_id = $14 and lease_until > clock_timestamp() and stopped_at is null
), t as (
  insert into tasker.tasks (task_uuid, template_id, priority, state, sinks_left, identity_hash, correlation_id,
    parent_correlation_id, initiator, source_system, reason, tags, context, requested_at, start_at, completed_at)
  select u.task_uuid, u.template_id, u.priority,
    case when u.delay_ms > 0 then 'pending'::tasker.task_state when tt.sink_count = 0 then 'complete' else 'steps_in_process' end,
    tt.sink_count, u.identity_hash, u.correlation_id, u.parent_correlation_id, u.initiator, u.source_system, u.reason,
    coalesce(u.tags::text[], '{}'), u.context::jsonb, u.requested_at,
    case when u.delay_ms > 0 then clock_timestamp() + u.delay_ms * interval '1 millisecond' end,
    case when tt.sink_count = 0 then clock_timestamp() end
  from unnest($1::uuid[], $2::int[], $3::int[], $4::bytea[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],
              $10::text[], $11::text[], $12::timestamptz[], $13::bigint[])
    as u(task_uuid, template_id, priority, identity_hash, correlation_id, parent_correlation_id, initiator, source_system,
         reason, tags, context, requested_at, delay_ms)
  join tasker.task_templates tt on tt.template_id = any(array[u.template_id])
  on conflict (identity_hash) do nothing
  returning task_uuid, template_id, priority, state, start_at
), planned as materialized (
  select t.task_uuid, t.priority, t.state as task_state, t.start_at, ts.step_no, ts.name, ts.handler_id, ts.sink,
    ts.waiting_on, ts.children,
    sum((ts.waiting_on = 0)::int) over (rows unbounded preceding) as root_rank
  from t join tasker.template_steps ts on ts.template_id = any(array[t.template_id])
  where ts.initial
), s as (
  insert into tasker.workflow_steps (task_uuid, step_no, state, waiting_on, attempt, worker_id, handler_id, priority, sink, run_at, name,
    children)
  select p.task_uuid, p.step_no,
    case when p.waiting_on > 0 or p.task_state = 'pending' then 'pending'::tasker.step_state
     when p.root_rank <= $16 and p.handler_id = any($15::int[]) and exists (select from me) then 'in_progress'
     else 'enqueued' end,
    p.waiting_on,
    (p.waiting_on = 0 and p.task_state <> 'pending' and p.root_rank <= $16 and p.handler_id = any($15::int[]) and exists (select from me))::int,
    case when p.waiting_on = 0 and p.task_state <> 'pending' and p.root_rank <= $16 and p.handler_id = any($15::int[]) and exists (select from me)
      then $14::int end,
    p.handler_id, p.priority, p.sink, case when p.waiting_on = 0 then p.start_at end, p.name, p.children
  from planned p
  returning task_uuid, step_no, state, attempt, handler_id, priority, name, run_at
), queued as (
  insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no)
  select handler_id, priority, task_uuid, step_no from s where state = 'enqueued'
  returning handler_id
), timed as (
  insert into tasker.step_timers (run_at, task_uuid, step_no, attempt)
  select run_at, task_uuid, step_no, 0 from s where run_at is not null
), moved as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, path)
  select task_uuid, step_no, attempt, case state when 'in_progress' then $14::int end,
    case state when 'in_progress' then '{pending,enqueued,in_progress}'::tasker.step_state[] else '{pending,enqueued}' end
  from s where state <> 'pending'
), walked as (
  insert into tasker.task_transitions (task_uuid, path)
  select task_uuid, case state when 'pending' then '{pending}'::tasker.task_state[] when 'complete' then '{pending,initializing,complete}'
    else '{pending,initializing,enqueuing_steps,steps_in_process}' end from t
), claimed as (
  insert into tasker.task_claims (worker_id, task_uuid)
  select distinct $14::int, task_uuid from s where state = 'in_progress'
), told as (
  select count(pg_notify('tasker_ready', q.handler_id::text)) as n
  from (select distinct handler_id from queued) q
)
select 1::smallint, task_uuid, step_no, attempt, 0, 0, handler_id, name, null::text, null::text from s where state = 'in_progress'
union all
select 3, null, (select count(*)::int from t), (select n::int from told), 0, 0, 0, '', null, null`

// CreateTasks makes tasks with their first steps, readies the roots and leases as many of them as l allows, in one
// statement. A task whose identity exists already is not made: Existing names the one that has it.
func (s *Store) CreateTasks(ctx context.Context, batch []NewTask, l Lease) (Created, error) {
	var created Created
	n := len(batch)
	sql, args := createCall(batch, l)
	rows, err := s.engine.Query(ctx, sql, args...)
	if err != nil {
		return created, fmt.Errorf("create %d tasks: %w", n, err)
	}
	made := 0
	defer rows.Close()
	for rows.Next() {
		row, err := scanFused(rows)
		if err != nil {
			return created, fmt.Errorf("create %d tasks: %w", n, err)
		}
		if row.what == 1 {
			created.Leased = append(created.Leased, row.leased(l.WorkerID))
		} else {
			made = int(row.stepNo)
		}
	}
	if err := rows.Err(); err != nil {
		return created, fmt.Errorf("create %d tasks: %w", n, err)
	}
	if made != n {
		created.Existing, err = s.existingTasks(ctx, batch)
	}
	return created, err
}

const existingTasks = `/* tasker:existing_tasks */
select i.n, t.task_uuid from unnest($1::bytea[], $2::uuid[]) with ordinality as i(hash, task_uuid, n)
join tasker.tasks t on t.identity_hash = any(array[i.hash]) where t.task_uuid <> i.task_uuid`

// existingTasks finds the tasks whose identity another one holds. A task that an earlier try of the same batch created
// holds its own, and so is not among them.
func (s *Store) existingTasks(ctx context.Context, batch []NewTask) (map[int]sdk.UUID, error) {
	hashes := make([][]byte, len(batch))
	for i := range batch {
		hashes[i] = batch[i].IdentityHash
	}
	rows, err := s.engine.Query(ctx, existingTasks, hashes, ids(len(batch), func(i int) sdk.UUID { return batch[i].TaskUUID }))
	if err != nil {
		return nil, fmt.Errorf("find existing tasks: %w", err)
	}
	existing := map[int]sdk.UUID{}
	var at int
	var id pgtype.UUID
	_, err = pgx.ForEachRow(rows, []any{&at, &id}, func() error {
		existing[at-1] = sdk.UUID(id.Bytes)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find existing tasks: %w", err)
	}
	return existing, nil
}
