package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tasker-systems/tasker-go/sdk"
)

var regulateBatches = `/* tasker:regulate_batches */
with b as materialized (
  select b.*, least(b.batches, b.released + greatest(b.parallelism - count(*) filter (
    where s.step_no / b.stride <= b.released and s.state not in ('complete', 'error', 'cancelled', 'resolved_manually')), 0))::int as upto
  from tasker.step_batches b
  join tasker.workflow_steps s on s.task_uuid = b.task_uuid and s.step_no > b.stride and mod(s.step_no, b.stride) = b.worker_no
  where b.task_uuid = $1 and b.released < b.batches group by b.task_uuid, b.worker_no
), released as (
  update tasker.step_batches o set released = b.upto from b where o.task_uuid = b.task_uuid and o.worker_no = b.worker_no
), waiting as materialized (
  select s.step_no, s.parents, s.waiting_on / ` + holdGate + ` * ` + holdGate + ` + (s.step_no / b.stride > b.upto)::int as gates
  from b join tasker.workflow_steps s on s.task_uuid = $1 and s.step_no > b.stride and mod(s.step_no, b.stride) = b.worker_no
  where s.step_no / b.stride > b.released and s.state = 'pending'
), unmet as materialized (
  select w.step_no, count(*)::int as n
  from (select step_no, unnest(parents) as parent from waiting) w
  join tasker.workflow_steps p on p.task_uuid = $1 and p.step_no = w.parent
  where p.state not in ('complete', 'resolved_manually') group by 1
), held as materialized (
  select w.step_no, w.gates + coalesce(u.n, 0) as waiting_on from waiting w left join unmet u using (step_no)
), moved as (
  update tasker.workflow_steps s set waiting_on = h.waiting_on, state = case h.waiting_on when 0 then 'enqueued'::tasker.step_state else s.state end
  from held h where s.task_uuid = $1 and s.step_no = h.step_no and (s.waiting_on <> h.waiting_on or h.waiting_on = 0)
  returning s.task_uuid, s.step_no, s.attempt, s.handler_id, s.priority, s.state
), queued as (
  insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no)
  select handler_id, priority, task_uuid, step_no from moved where state = 'enqueued'
  returning handler_id
), trail as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, path)
  select task_uuid, step_no, attempt, '{pending,enqueued}' from moved where state = 'enqueued'
)
select count(pg_notify('tasker_ready', q.handler_id::text)) from (select distinct handler_id from queued) q`

// regulate sees to it, after somebody has changed a task's steps by hand, that as many batches are let go as may run, and that
// the others are held. All steps of the task are locked.
func regulate(ctx context.Context, tx pgx.Tx, task sdk.UUID) error {
	_, err := tx.Exec(ctx, regulateBatches, task)
	return err
}
