package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// ErrTooLarge: what is asked for is more than is read at once.
var ErrTooLarge = errors.New("too much to read at once")

// StepView is a step as people read it.
type StepView struct {
	TaskUUID  sdk.UUID
	No        int32
	Name      string
	Namespace string
	// Callable is the handler that the step is queued for.
	Callable string
	State    workflow.StepState
	Counts   workflow.AttemptCounts
	// Retryable and MaxAttempts are the template's.
	Retryable   bool
	MaxAttempts int32
	// Parents counts the steps this one waits for in all, ParentsLeft those it still does.
	Parents, ParentsLeft int32
	// Held is set while the task is paused.
	Held      bool
	CreatedAt time.Time
	UpdatedAt time.Time
	// RunAt is when a retry, or a delayed start, is due; Due says that it is, or that nothing needs to be awaited.
	RunAt           *time.Time
	Due             bool
	LastAttemptedAt *time.Time
	LastFailureAt   *time.Time
	CompletedAt     *time.Time
	// Worker runs the step now; "" if none does.
	Worker string
	// Results tell of the last attempt that ended. Nil if none has, or if results were not asked for.
	Results *sdk.StepExecutionResult
}

// UUID names the step.
func (v *StepView) UUID() sdk.UUID { return sdk.StepUUID(v.TaskUUID, v.No) }

// DependenciesSatisfied says whether the step waits for no other.
func (v *StepView) DependenciesSatisfied() bool { return v.ParentsLeft == 0 }

// RetryEligible says whether the template allows an attempt, the first or a further one.
func (v *StepView) RetryEligible() bool {
	return v.Counts.Used() == 0 || v.Retryable && v.Counts.Failures() < v.MaxAttempts
}

// ReadyForExecution says whether the step could be queued at once.
func (v *StepView) ReadyForExecution() bool {
	return (v.State == workflow.StepPending || v.State == workflow.StepWaitingForRetry) && v.DependenciesSatisfied() &&
		v.RetryEligible() && v.Due && !v.Held
}

var readSteps = `/* tasker:read_steps */
with trail as (
  select x.step_no, max(x.at) as moved_at,
    max(x.at) filter (where x.path[array_upper(x.path, 1)] = 'in_progress') as attempted_at,
    max(x.at) filter (where x.path[array_upper(x.path, 1)] = 'error' or x.detail ? 'error') as failed_at,
    max(x.at) filter (where x.path[array_upper(x.path, 1)] in ('complete', 'cancelled', 'resolved_manually')) as completed_at
  from tasker.step_transitions x where x.task_uuid = $1 and ($2::int is null or x.step_no = $2) group by 1
), ended as (
  select distinct on (a.step_no) a.step_no, a.worker_id, a.claimed_at, a.ended_at, a.exec_ms
  from tasker.step_attempts a where a.task_uuid = $1 and ($2::int is null or a.step_no = $2) and a.ended_at is not null
  order by a.step_no, a.attempt desc
), policies as materialized (
  select e ->> 'name' as name, (e #>> '{retry,retryable}')::bool as retryable, (e #>> '{retry,max_attempts}')::int as max_attempts
  from tasker.tasks t join tasker.task_templates tt using (template_id), jsonb_array_elements(tt.definition -> 'steps') e
  where t.task_uuid = $1
)
select s.step_no, s.name, h.namespace, h.callable, s.state::text, s.attempt, s.crashes, s.forgiven,
  coalesce(p.retryable, true), coalesce(p.max_attempts, 1),
  coalesce(cardinality(coalesce(s.parents, ts.parents)), 0), s.waiting_on % ` + holdGate + `, t.paused_at is not null, t.created_at, coalesce(r.moved_at, t.created_at),
  s.run_at, coalesce(s.run_at <= clock_timestamp(), true), r.attempted_at, r.failed_at,
  case when s.state in ('complete', 'cancelled', 'resolved_manually') then r.completed_at end,
  coalesce(w.name, ''), case when $3 then s.result::text end, case when $3 then s.outcome::text end,
  e.claimed_at, e.ended_at, e.exec_ms, coalesce(ew.name, ''), coalesce(ew.hostname, '')
from tasker.workflow_steps s
join tasker.tasks t using (task_uuid)
join tasker.handlers h using (handler_id)
left join tasker.template_steps ts on ts.template_id = t.template_id and ts.step_no = s.step_no
left join policies p on p.name = coalesce(s.inputs ->> '__template_step_name', ts.name, s.name)
left join trail r on r.step_no = s.step_no
left join ended e on e.step_no = s.step_no
left join tasker.workers w on w.worker_id = s.worker_id
left join tasker.workers ew on ew.worker_id = e.worker_id
where s.task_uuid = $1 and ($2::int is null or s.step_no = $2)
order by s.step_no`

// Steps reads the steps of a task by their numbers, with or without results. An unknown task is [ErrNotFound], more than
// 64 MiB of results [ErrTooLarge].
func (s *Store) Steps(ctx context.Context, task sdk.UUID, results bool) ([]StepView, error) {
	steps, err := s.readSteps(ctx, task, nil, results)
	if err == nil && len(steps) == 0 {
		var id pgtype.UUID
		err = s.query.QueryRow(ctx, `/* tasker:find_task */ select task_uuid from tasker.tasks where task_uuid = $1`, task).Scan(&id)
	}
	if err != nil {
		return nil, fmt.Errorf("read steps of task %s: %w", task, notFound(err))
	}
	return steps, nil
}

// Step reads one step of a task with its results. One that the task does not have is [ErrNotFound].
func (s *Store) Step(ctx context.Context, task, step sdk.UUID) (*StepView, error) {
	no, ok := sdk.StepNumber(task, step)
	if !ok {
		return nil, fmt.Errorf("read step %s of task %s: %w", step, task, ErrNotFound)
	}
	steps, err := s.readSteps(ctx, task, &no, true)
	if err == nil && len(steps) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read step %s of task %s: %w", step, task, err)
	}
	return &steps[0], nil
}

func (s *Store) readSteps(ctx context.Context, task sdk.UUID, no *int32, results bool) ([]StepView, error) {
	rows, err := s.query.Query(ctx, readSteps, task, no, results)
	if err != nil {
		return nil, err
	}
	left := s.maxRead
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (StepView, error) {
		v := StepView{TaskUUID: task}
		var result, outcome pgtype.Text
		var a endedAttempt
		err := row.Scan(&v.No, &v.Name, &v.Namespace, &v.Callable, &v.State, &v.Counts.Attempt, &v.Counts.Crashes, &v.Counts.Forgiven,
			&v.Retryable, &v.MaxAttempts, &v.Parents, &v.ParentsLeft, &v.Held, &v.CreatedAt, &v.UpdatedAt, &v.RunAt, &v.Due,
			&v.LastAttemptedAt, &v.LastFailureAt, &v.CompletedAt, &v.Worker, &result, &outcome,
			&a.startedAt, &a.endedAt, &a.executionMS, &a.worker, &a.hostname)
		if left -= len(result.String) + len(outcome.String); err == nil && left < 0 {
			err = ErrTooLarge
		}
		if err != nil {
			return v, err
		}
		if result.Valid || outcome.Valid {
			v.Results, err = assembleResult(&v, json.RawMessage(result.String), json.RawMessage(outcome.String), a)
		}
		return v, err
	})
}
