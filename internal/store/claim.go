package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/sdk"
)

// TaskHeader is what running a step needs to know of its task.
type TaskHeader struct {
	TaskUUID            sdk.UUID
	TemplateID          int32
	CorrelationID       sdk.UUID
	ParentCorrelationID sdk.UUID
	Priority            int32
	// Context is set where it is at hand, as when the task was just made or it is small.
	Context json.RawMessage
}

// ClaimedStep is a step that a worker took from the queue.
type ClaimedStep struct {
	LeasedStep
	Task TaskHeader
}

// headerColumns are a [TaskHeader] of the row t. A small context comes with it, which costs less than asking for it later.
const headerColumns = `t.template_id, t.correlation_id, t.parent_correlation_id, t.priority,
  case when pg_column_size(t.context) <= 1024 then t.context::text end`

// leaseTaken is how every claim goes on: it leases the steps of taken, under the fence, and returns them with a last row that
// counts what was seen, less what follows.
const leaseTaken = `), leased as (
  update tasker.workflow_steps s set state = 'in_progress', attempt = s.attempt + 1, worker_id = $1, run_at = null
  from (select * from taken order by task_uuid, step_no) k
  where s.task_uuid = any(array[k.task_uuid]) and s.step_no = k.step_no and s.state = 'enqueued' and s.waiting_on = 0
  returning s.task_uuid, s.step_no, s.attempt, s.crashes, s.forgiven, s.handler_id, s.name, s.inputs, s.checkpoint
), moved as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, path)
  select task_uuid, step_no, attempt, $1, '{enqueued,in_progress}' from leased
), claimed as (
  insert into tasker.task_claims (worker_id, task_uuid) select distinct $1::int, task_uuid from leased on conflict do nothing
)
select l.task_uuid, l.step_no, l.attempt, l.crashes, l.forgiven, l.handler_id, l.name, l.inputs::text, l.checkpoint::text,
  ` + headerColumns + `, 0
from leased l join tasker.tasks t on t.task_uuid = any(array[l.task_uuid])
union all
select null, 0, 0, 0, 0, 0, '', null, null, 0, null, null, 0, null,
  (select count(*)::int from seen) - `

const claimSteps = `/* tasker:claim_steps */
with me as materialized (
  select from tasker.workers where worker_id = $1 and lease_until > clock_timestamp() and stopped_at is null
), seen as materialized (
  select r.at from unnest($2::int[]) as h(handler_id)
  cross join lateral (
    select q.ctid as at, q.priority, q.ready_id from tasker.ready_steps q
    where q.handler_id = h.handler_id order by q.priority desc, q.ready_id limit $3 * 4) r
  where exists (select from me)
  order by r.priority desc, r.ready_id limit $3 * 4
), picked as materialized (
  select q.ctid as at, q.task_uuid, q.step_no from tasker.ready_steps q
  where q.ctid = any(array(select at from seen)) order by q.priority desc, q.ready_id limit $3 for update skip locked
), taken as (
  delete from tasker.ready_steps q using picked p where q.ctid = p.at returning q.task_uuid, q.step_no
` + leaseTaken + `(select count(*)::int from taken)`

// ClaimSteps leases up to l.Budget steps from the queue, most urgent and oldest first. more says that the queue holds
// further ones.
func (s *Store) ClaimSteps(ctx context.Context, l Lease) (steps []ClaimedStep, more bool, err error) {
	rows, err := s.engine.Query(ctx, claimSteps, l.WorkerID, orNone(l.Handlers), l.Budget)
	if err != nil {
		return nil, false, fmt.Errorf("claim steps: %w", err)
	}
	steps, left, err := collectClaimed(rows, l.WorkerID)
	if err != nil {
		return nil, false, fmt.Errorf("claim steps: %w", err)
	}
	return steps, left > 0, nil
}

const heldSteps = `/* tasker:held_steps */
select s.task_uuid, s.step_no, s.attempt, s.crashes, s.forgiven, s.handler_id, s.name, s.inputs::text, s.checkpoint::text,
  ` + headerColumns + `, 0
from tasker.task_claims c
join tasker.workflow_steps s on s.task_uuid = any(array[c.task_uuid]) and s.worker_id = c.worker_id and s.state = 'in_progress'
join tasker.tasks t on t.task_uuid = any(array[c.task_uuid])
where c.worker_id = $1`

// HeldSteps lists the steps that the database says this worker runs. A worker compares it with what it really runs: after
// an unanswered commit it may own steps that it never heard of.
func (s *Store) HeldSteps(ctx context.Context, workerID int32) ([]ClaimedStep, error) {
	rows, err := s.engine.Query(ctx, heldSteps, workerID)
	if err != nil {
		return nil, fmt.Errorf("list held steps: %w", err)
	}
	held, _, err := collectClaimed(rows, workerID)
	if err != nil {
		return nil, fmt.Errorf("list held steps: %w", err)
	}
	return held, nil
}

// collectClaimed reads steps with their tasks' headers; a row without a task carries the number of steps left behind.
func collectClaimed(rows pgx.Rows, workerID int32) (steps []ClaimedStep, left int, err error) {
	defer rows.Close()
	for rows.Next() {
		var r fusedRow
		var c ClaimedStep
		var correlation, parent pgtype.UUID
		var context *string
		var n int
		if err := rows.Scan(&r.task, &r.stepNo, &r.attempt, &r.crashes, &r.forgiven, &r.handlerID, &r.name, &r.inputs, &r.checkpoint,
			&c.Task.TemplateID, &correlation, &parent, &c.Task.Priority, &context, &n); err != nil {
			return nil, 0, err
		}
		if !r.task.Valid {
			left = n
			continue
		}
		c.LeasedStep = r.leased(workerID)
		c.Task.TaskUUID, c.Task.CorrelationID, c.Task.ParentCorrelationID = c.TaskUUID, correlation.Bytes, parent.Bytes
		if context != nil {
			c.Task.Context = json.RawMessage(*context)
		}
		steps = append(steps, c)
	}
	return steps, left, rows.Err()
}

const taskContext = `/* tasker:task_context */ select context::text from tasker.tasks where task_uuid = $1`

// TaskContext reads the context a task was created with.
func (s *Store) TaskContext(ctx context.Context, task sdk.UUID) (json.RawMessage, error) {
	var raw string
	if err := s.engine.QueryRow(ctx, taskContext, pgtype.UUID{Bytes: task, Valid: true}).Scan(&raw); err != nil {
		return nil, fmt.Errorf("read context of task %s: %w", task, notFound(err))
	}
	return json.RawMessage(raw), nil
}

const dependencyResults = `/* tasker:dependency_results */
select step_no, coalesce(result, '{}')::text from tasker.workflow_steps
where task_uuid = $1 and step_no = any($2::int[]) and state in ('complete', 'resolved_manually')`

// StepResults reads the results of those of the numbered steps that have one.
func (s *Store) StepResults(ctx context.Context, task sdk.UUID, steps []int32) (map[int32]json.RawMessage, error) {
	rows, err := s.engine.Query(ctx, dependencyResults, pgtype.UUID{Bytes: task, Valid: true}, steps)
	if err != nil {
		return nil, fmt.Errorf("read results of task %s: %w", task, err)
	}
	defer rows.Close()
	results := make(map[int32]json.RawMessage, len(steps))
	for rows.Next() {
		var no int32
		var raw string
		if err := rows.Scan(&no, &raw); err != nil {
			return nil, fmt.Errorf("read results of task %s: %w", task, err)
		}
		results[no] = json.RawMessage(raw)
	}
	return results, rows.Err()
}
