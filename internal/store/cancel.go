package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// wholeTask begins what locks all of a task's steps. Whoever ends steps locks them by number, as this does. It may still hold a
// later one and want an earlier one's child: then this gives way first, long before the database would look for a deadlock, and
// is tried again. Joins go by hash: if statistics do not know the task, PostgreSQL expects one step, and would compare each step
// with each.
const wholeTask = `/* tasker:whole_task */ select set_config('lock_timeout', '100ms', true), set_config('enable_nestloop', 'off', true)`

const lockSteps = `/* tasker:lock_steps */
select from tasker.workflow_steps where task_uuid = $1 order by step_no for update`

// lockTaskWithSteps locks a task's steps in the order in which everybody does.
func lockTaskWithSteps(ctx context.Context, tx pgx.Tx, id sdk.UUID) error {
	if _, err := tx.Exec(ctx, wholeTask); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, lockSteps, id)
	return err
}

// Rows that the steps have in the queue and among the timers stay: whoever takes them finds the steps cancelled and drops
// them. To delete them here would lock them after the steps, the wrong way round.
const cancelTask = `/* tasker:cancel_task */
with open as (
  select step_no, state, attempt, worker_id from tasker.workflow_steps
  where task_uuid = $1 and state not in ('complete', 'cancelled', 'resolved_manually')
), steps as (
  update tasker.workflow_steps s set state = 'cancelled', worker_id = null, run_at = null
  from open o where s.task_uuid = $1 and s.step_no = o.step_no
), detail as (
  select jsonb_build_object('by', $3::text, 'reason', $4::text) as detail
), moved as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, path, detail)
  select $1, step_no, attempt, worker_id, array[state, 'cancelled'], detail from open, detail
), task as (
  update tasker.tasks set state = 'cancelled', failed_steps = 0, completed_at = clock_timestamp() where task_uuid = $1
), freed as (
  delete from tasker.task_claims where task_uuid = $1
), walked as (
  insert into tasker.task_transitions (task_uuid, path, detail)
  select $1, array[$2::text, 'cancelled']::tasker.task_state[], detail from detail
)
select pg_notify('tasker_cancel', $1::text)`

// CancelTask ends a task and all of its steps that have not ended, and says which state the task was in. Workers that run
// its steps are told; what they still report changes nothing. A task that has ended is an [ErrConflict], an unknown one
// [ErrNotFound].
func (s *Store) CancelTask(ctx context.Context, task sdk.UUID, who, why string) (prior workflow.TaskState, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if err := lockTaskWithSteps(ctx, tx, task); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, lockTask, task).Scan(&prior); err != nil {
			return notFound(err)
		}
		if prior.Terminal() {
			return fmt.Errorf("it is %s already: %w", prior, ErrConflict)
		}
		_, err := tx.Exec(ctx, cancelTask, task, string(prior), who, why)
		return err
	})
	if err != nil {
		return prior, fmt.Errorf("cancel task %s: %w", task, err)
	}
	return prior, nil
}
