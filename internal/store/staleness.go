package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// StalenessThresholds say for how long an open task may go without a move. A template's lifecycle comes before them.
type StalenessThresholds struct {
	// WaitingForDependencies is for tasks all of whose steps wait for a worker, WaitingForRetry for those that wait for the
	// time of a retry and counts from then, StepsInProcess for those of which a worker runs a step.
	WaitingForDependencies, WaitingForRetry, StepsInProcess time.Duration
	// Lifetime is how long after its start a task must have ended.
	Lifetime time.Duration
}

// OpenTask is an open task with how long it has not moved.
type OpenTask struct {
	TaskUUID        sdk.UUID
	Namespace, Name string
	// Waiting says what for: steps_in_process, waiting_for_retry, waiting_for_dependencies or pending.
	Waiting workflow.TaskState
	// MovedAt is the last move of the task or one of its steps, TimeInState what has passed since, Age since its start.
	MovedAt                     time.Time
	TimeInState, Threshold, Age time.Duration
	Priority                    int32
	// Expired is set if the task has outlived its lifetime.
	Expired bool
	// Action, AutoFail and AutoDLQ are the template's; "" and nil if it does not say.
	Action            string
	AutoFail, AutoDLQ *bool
	// Reported is set while the task is under investigation.
	Reported bool
}

// Stale says whether the task has gone without a move for too long.
func (t *OpenTask) Stale() bool { return t.Expired || t.TimeInState > t.Threshold }

// Every open task that is not blocked has a row in one of the small tables that say what it waits for, so that the others need
// not be read.
const openTaskIDs = `/* tasker:open_task_ids */
select at.task_uuid from (
  select task_uuid from tasker.ready_steps union select task_uuid from tasker.step_timers union select task_uuid from tasker.task_claims
  union select task_uuid from tasker.step_results_queue) at
where at.task_uuid > $1 order by at.task_uuid limit $2`

// OpenTaskIDs lists tasks that may be open, oldest first, from the one behind after on.
func (s *Store) OpenTaskIDs(ctx context.Context, after sdk.UUID, limit int) ([]sdk.UUID, error) {
	rows, err := s.query.Query(ctx, openTaskIDs, after, limit)
	return collectUUIDs("list open tasks", rows, err)
}

const openTasks = `/* tasker:open_tasks */
with lives as materialized (
  select tt.template_id, tt.namespace, tt.name, nullif(tt.definition -> 'lifecycle', 'null') as life
  from tasker.task_templates tt
), judged as materialized (
  select t.task_uuid, l.namespace, l.name, l.life, t.priority, w.waiting,
    greatest(m.at, w.checkpointed_at, case when w.waiting in ('pending', 'waiting_for_retry') then w.run_at end) as moved_at,
    coalesce(t.start_at, t.created_at) as started_at
  from unnest($5::uuid[]) as at(task_uuid) join tasker.tasks t using (task_uuid) join lives l using (template_id)
  cross join lateral (
    select max(s.run_at) as run_at, max((s.checkpoint ->> 'timestamp')::timestamptz) filter (where s.state = 'in_progress') as checkpointed_at,
      case when t.state = 'pending' then 'pending'
        when bool_or(s.state in ('in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')) then 'steps_in_process'
        when bool_or(s.state = 'enqueued') then 'waiting_for_dependencies' else 'waiting_for_retry' end as waiting
    from tasker.workflow_steps s where s.task_uuid = t.task_uuid and s.state not in ('complete', 'cancelled', 'resolved_manually')) w
  cross join lateral (select max(x.at) as at from tasker.step_transitions x where x.task_uuid = t.task_uuid) m
  where t.state not in ('complete', 'error', 'cancelled', 'resolved_manually', 'blocked_by_failures') and t.paused_at is null
), timed as (
  select j.*, extract(epoch from clock_timestamp() - coalesce(j.moved_at, j.started_at))::float8 as in_state,
    extract(epoch from clock_timestamp() - j.started_at)::float8 as age,
    case j.waiting
      when 'steps_in_process' then coalesce((j.life ->> 'max_steps_in_process_minutes')::float8 * 60, $3)
      when 'waiting_for_retry' then coalesce((j.life ->> 'max_waiting_for_retry_minutes')::float8 * 60, $2)
      when 'waiting_for_dependencies' then coalesce((j.life ->> 'max_waiting_for_dependencies_minutes')::float8 * 60, $1)
      else 'infinity' end as threshold,
    coalesce((j.life ->> 'max_duration_minutes')::float8 * 60, $4) as lifetime
  from judged j
)
select t.task_uuid, t.namespace, t.name, t.waiting, coalesce(t.moved_at, t.started_at), t.in_state, least(t.threshold, 1e9), t.age, t.priority,
  t.age > t.lifetime, coalesce(t.life ->> 'staleness_action', ''), (t.life ->> 'auto_fail_on_timeout')::bool, (t.life ->> 'auto_dlq_on_timeout')::bool,
  d.task_uuid is not null
from timed t
left join tasker.tasks_dlq d on d.task_uuid = t.task_uuid and d.resolution_status = 'pending'
where not $6 or t.in_state > t.threshold or t.age > t.lifetime
order by case when not $6 then t.in_state / t.threshold end desc, t.task_uuid limit $7`

// oldest is how many open tasks [Store.OpenTasks] looks at.
const oldest = 10_000

// OpenTasks lists those of the 10 000 oldest open tasks that are not paused, by how near they are to being stale.
func (s *Store) OpenTasks(ctx context.Context, th StalenessThresholds, limit int) ([]OpenTask, error) {
	ids, err := s.OpenTaskIDs(ctx, sdk.UUID{}, oldest)
	if err != nil {
		return nil, err
	}
	return s.openTasks(ctx, th, ids, false, limit)
}

// StaleTasks lists those of some tasks that are open, not paused, and went without a move for too long, oldest first.
func (s *Store) StaleTasks(ctx context.Context, th StalenessThresholds, among []sdk.UUID) ([]OpenTask, error) {
	return s.openTasks(ctx, th, among, true, len(among))
}

func (s *Store) openTasks(ctx context.Context, th StalenessThresholds, among []sdk.UUID, stale bool, limit int) ([]OpenTask, error) {
	rows, err := s.query.Query(ctx, openTasks, th.WaitingForDependencies.Seconds(), th.WaitingForRetry.Seconds(), th.StepsInProcess.Seconds(),
		th.Lifetime.Seconds(), among, stale, limit)
	if err != nil {
		return nil, fmt.Errorf("find stale tasks: %w", err)
	}
	tasks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t OpenTask, err error) {
		var id pgtype.UUID
		var inState, threshold, age float64
		err = row.Scan(&id, &t.Namespace, &t.Name, &t.Waiting, &t.MovedAt, &inState, &threshold, &age, &t.Priority, &t.Expired, &t.Action,
			&t.AutoFail, &t.AutoDLQ, &t.Reported)
		t.TaskUUID, t.TimeInState, t.Threshold, t.Age = id.Bytes, seconds(inState), seconds(threshold), seconds(age)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("find stale tasks: %w", err)
	}
	return tasks, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

const lastMove = `/* tasker:last_move */
select coalesce(max(x.at), '-infinity') <= $2 from tasker.step_transitions x where x.task_uuid = $1`

// EndStaleTask enters a stale task among the dead letters, fails it, or both, in one transaction. A task that has moved since
// it was found stale is an [ErrConflict].
func (s *Store) EndStaleTask(ctx context.Context, t *OpenTask, letter, fail bool, metadata, because json.RawMessage) (entered bool, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		task, err := lockForRepair(ctx, tx, t.TaskUUID, nil)
		if err != nil {
			return err
		}
		var still bool
		if err := tx.QueryRow(ctx, lastMove, t.TaskUUID, t.MovedAt).Scan(&still); err != nil {
			return err
		}
		if !still {
			return fmt.Errorf("%w: it has moved", ErrConflict)
		}
		if letter {
			if entered, err = s.enterDeadLetter(ctx, tx, t.TaskUUID, DLQStaleness, metadata); err != nil {
				return err
			}
		}
		if !fail {
			return nil
		}
		i := Intervention{TaskUUID: t.TaskUUID, Action: "staleness_timeout", By: "tasker", Reason: "it did not move for too long", FailedBecause: because}
		_, err = repair(ctx, tx, i, task, workflow.FailStale)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("end stale task %s: %w", t.TaskUUID, err)
	}
	return entered, nil
}
