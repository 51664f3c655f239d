package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

const lockTask = `/* tasker:lock_task */ select state::text from tasker.tasks where task_uuid = $1 for update`

const countSteps = `/* tasker:count_steps */
select count(*), count(*) filter (where state = 'pending'),
  count(*) filter (where state in ('enqueued', 'in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')),
  count(*) filter (where state in ('complete', 'resolved_manually')),
  count(*) filter (where state = 'error'),
  count(*) filter (where state = 'pending' and waiting_on = 0),
  count(*) filter (where state = 'waiting_for_retry'),
  count(*) filter (where state = 'cancelled')
from tasker.workflow_steps where task_uuid = $1`

const finalizeTask = `/* tasker:finalize_task */
with t as (
  update tasker.tasks t set state = $2::text::tasker.task_state,
    failed_steps = $3,
    sinks_left = (select count(*) from tasker.workflow_steps s where s.task_uuid = $1 and s.sink and s.state not in ('complete', 'resolved_manually')),
    completed_at = case when $2::text = 'complete' then clock_timestamp() end
  where t.task_uuid = $1
), freed as (
  delete from tasker.task_claims where task_uuid = $1 and $2::text = 'complete'
)
insert into tasker.task_transitions (task_uuid, path) select $1, $4::text[]::tasker.task_state[] where cardinality($4::text[]) > 0`

// FinalizeTask locks a task, counts its steps, and moves it to where decide says.
func (s *Store) FinalizeTask(ctx context.Context, id sdk.UUID, decide func(workflow.TaskExecutionContext) workflow.TaskState) (from, to workflow.TaskState, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		var c workflow.TaskExecutionContext
		if err := tx.QueryRow(ctx, lockTask, id).Scan(&c.State); err != nil {
			return notFound(err)
		}
		if err := tx.QueryRow(ctx, countSteps, id).Scan(&c.Total, &c.Pending, &c.InProgress, &c.Completed, &c.Failed, &c.Ready,
			&c.WaitingForRetry, &c.Cancelled); err != nil {
			return err
		}
		from, to = c.State, decide(c)
		if from == to {
			return nil
		}
		_, err := tx.Exec(ctx, finalizeTask, id, string(to), c.Failed, finalizationPath(from, to))
		return err
	})
	if err != nil {
		return "", "", fmt.Errorf("finalize task %s: %w", id, err)
	}
	return from, to, nil
}

// finalizationPath names the states between, so that the trail shows legal moves only.
func finalizationPath(from, to workflow.TaskState) []string {
	path := []string{string(from)}
	if from != workflow.TaskEvaluatingResults {
		path = append(path, string(workflow.TaskEvaluatingResults))
	}
	if to == workflow.TaskStepsInProcess {
		path = append(path, string(workflow.TaskEnqueuingSteps))
	}
	return append(path, string(to))
}

const refuseReady = `/* tasker:refuse_ready */
with picked as materialized (
  select q.ctid as at, q.task_uuid, q.step_no from tasker.ready_steps q where q.handler_id = $1
  order by q.priority desc, q.ready_id limit 500 for update skip locked
), taken as (
  delete from tasker.ready_steps q using picked p where q.ctid = p.at returning q.task_uuid, q.step_no
), failed as (
  update tasker.workflow_steps s set state = 'error', outcome = $2::text::jsonb
  from (select * from taken order by task_uuid, step_no) k
  where s.task_uuid = any(array[k.task_uuid]) and s.step_no = k.step_no and s.state = 'enqueued'
  returning s.task_uuid, s.step_no, s.attempt
), moved as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, path, detail)
  select task_uuid, step_no, attempt, '{enqueued,error}', $2::text::jsonb from failed
), task as (
  update tasker.tasks t set failed_steps = t.failed_steps + x.n, state = 'blocked_by_failures'
  from (select task_uuid, count(*)::int as n from failed group by 1 order by 1) x
  where t.task_uuid = any(array[x.task_uuid]) and t.state not in ('complete', 'error', 'cancelled', 'resolved_manually')
  returning t.task_uuid, t.failed_steps = x.n as newly_blocked
), walked as (
  insert into tasker.task_transitions (task_uuid, path)
  select task_uuid, '{steps_in_process,evaluating_results,blocked_by_failures}' from task where newly_blocked
)
select count(*)::int from failed`

// RefuseReadySteps fails the steps that are queued for a handler, and returns how many there were.
func (s *Store) RefuseReadySteps(ctx context.Context, handlerID int32, detail json.RawMessage) (total int, err error) {
	for {
		var n int
		if err := s.engine.QueryRow(ctx, refuseReady, handlerID, string(detail)).Scan(&n); err != nil {
			return total, fmt.Errorf("refuse steps without a handler: %w", err)
		}
		total += n
		if n == 0 {
			return total, nil
		}
	}
}

// TaskState reads the state of a task.
func (s *Store) TaskState(ctx context.Context, id sdk.UUID) (state workflow.TaskState, err error) {
	err = s.query.QueryRow(ctx, `/* tasker:task_state */ select state::text from tasker.tasks where task_uuid = $1`, id).Scan(&state)
	if err != nil {
		return "", fmt.Errorf("read state of task %s: %w", id, notFound(err))
	}
	return state, nil
}
