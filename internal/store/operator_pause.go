package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

var holdGate = strconv.Itoa(workflow.HoldGate)

const lockPausable = `/* tasker:lock_pausable */ select state::text, paused_at is not null from tasker.tasks where task_uuid = $1 for update`

// A paused task is held on its steps' own rows, where every statement that readies one looks under the row's lock. Rows that
// the steps have in the queue and among the timers are dropped by whoever takes them.
var pauseTask = `/* tasker:pause_task */
with held as (
  update tasker.workflow_steps set waiting_on = waiting_on + ` + holdGate + `
  where task_uuid = $1 and state not in ('complete', 'cancelled', 'resolved_manually')
), task as (
  update tasker.tasks set paused_at = clock_timestamp() where task_uuid = $1
)
insert into tasker.task_transitions (task_uuid, path, detail) select $1, array[$2::text]::tasker.task_state[], $3::text::jsonb`

var resumeTask = `/* tasker:resume_task */
with freed as (
  update tasker.workflow_steps s set waiting_on = waiting_on - ` + holdGate + `,
    state = case when s.state = 'pending' and s.waiting_on = ` + holdGate + ` and s.run_at is null then 'enqueued' else s.state end
  from (select step_no, state as was from tasker.workflow_steps where task_uuid = $1 and waiting_on >= ` + holdGate + ` order by step_no) o
  where s.task_uuid = $1 and s.step_no = o.step_no
  returning s.step_no, s.attempt, s.state, o.was, s.waiting_on, s.run_at, s.handler_id, s.priority
), queued as (
  insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no)
  select handler_id, priority, $1, step_no from freed where state = 'enqueued'
  returning handler_id
), timed as (
  insert into tasker.step_timers (run_at, task_uuid, step_no, attempt)
  select run_at, $1, step_no, attempt from freed where run_at is not null and waiting_on = 0 and state in ('pending', 'waiting_for_retry')
  on conflict do nothing
), moved as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, path, detail)
  select $1, step_no, attempt, '{pending,enqueued}', $3::text::jsonb from freed where was = 'pending' and state = 'enqueued'
), task as (
  update tasker.tasks set paused_at = null where task_uuid = $1
), walked as (
  insert into tasker.task_transitions (task_uuid, path, detail) select $1, array[$2::text]::tasker.task_state[], $3::text::jsonb
)
select count(pg_notify('tasker_ready', q.handler_id::text)) from (select distinct handler_id from queued) q`

// PauseTask keeps all further steps of a task from starting; those that run may finish. A task that has ended or is paused
// is an [ErrConflict].
func (s *Store) PauseTask(ctx context.Context, i Intervention) error {
	return s.holdTask(ctx, i, pauseTask, false)
}

// ResumeTask lets a paused task go on. One that is not paused is an [ErrConflict].
func (s *Store) ResumeTask(ctx context.Context, i Intervention) error {
	return s.holdTask(ctx, i, resumeTask, true)
}

func (s *Store) holdTask(ctx context.Context, i Intervention, statement string, wantPaused bool) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		if err := lockTaskWithSteps(ctx, tx, i.TaskUUID); err != nil {
			return err
		}
		var state workflow.TaskState
		var paused bool
		if err := tx.QueryRow(ctx, lockPausable, i.TaskUUID).Scan(&state, &paused); err != nil {
			return notFound(err)
		}
		switch {
		case paused && !wantPaused:
			return fmt.Errorf("it is paused already: %w", ErrConflict)
		case !paused && wantPaused:
			return fmt.Errorf("it is not paused: %w", ErrConflict)
		case state.Terminal():
			return fmt.Errorf("it is %s already: %w", state, ErrConflict)
		}
		detail, err := i.detail()
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, statement, i.TaskUUID, string(state), string(detail))
		return err
	})
	if err != nil {
		return fmt.Errorf("%s task %s: %w", i.Action, i.TaskUUID, err)
	}
	return nil
}
