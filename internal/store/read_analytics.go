package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Analysis bounds what is read to tell how things go: the tasks made within a time, newest first.
type Analysis struct {
	// Window is how far back it goes.
	Window time.Duration
	// Tasks and Steps bound the rows that are read, so that the size of the tables does not matter.
	Tasks, Steps int
}

func (a *Analysis) args() []any {
	return []any{firstSince(time.Now().Add(-a.Window)), a.Window, a.Tasks, a.Steps}
}

// recentTasks are those of an [Analysis].
const recentTasks = `recent as materialized (
  select task_uuid, template_id, state, created_at, completed_at, completed_at - coalesce(start_at, created_at) as took
  from tasker.tasks where task_uuid >= $1 and created_at >= clock_timestamp() - $2::interval
  order by task_uuid desc limit $3)`

// attemptEnds are the ends of attempts of recent tasks, of which the handler or its worker said how long they took.
const attemptEnds = `attempts as materialized (
  select r.template_id, e.* from recent r cross join lateral (
    select step_no, exec_ms, at, path && '{error,waiting_for_retry,enqueued_as_error_for_orchestration}' as failed
    from tasker.step_transitions s where s.task_uuid = r.task_uuid and s.path[1] = 'in_progress' and s.exec_ms is not null) e
  limit $4)`

// Performance tells how tasks and steps went.
type Performance struct {
	// Total counts the tasks. Completed ones may have been resolved by hand; Failed ones may be blocked only. What is neither,
	// nor cancelled, is Active.
	Total, Active, Completed, Failed int64
	// TaskTime and StepTime are averages: of tasks from their start to their end, of steps from their claim to their result.
	TaskTime, StepTime time.Duration
	// Steps counts the ends of attempts.
	Steps int64
	// Since is where the period begins: with the window, or with the oldest task that was read.
	Since, Now time.Time
}

const performance = `/* tasker:performance */
with ` + recentTasks + `, ` + attemptEnds + `
select t.*, s.* from (
  select count(*), count(*) filter (where state not in ('complete', 'resolved_manually', 'error', 'blocked_by_failures', 'cancelled')),
    count(*) filter (where state in ('complete', 'resolved_manually')), count(*) filter (where state in ('error', 'blocked_by_failures')),
    coalesce(avg(took), '0'), case when count(*) < $3 then clock_timestamp() - $2::interval else min(created_at) end, clock_timestamp()
  from recent) t,
  (select coalesce(avg(exec_ms), 0) * interval '1 millisecond', count(*) from attempts) s`

// Performance sums up recent tasks.
func (s *Store) Performance(ctx context.Context, a Analysis) (p Performance, err error) {
	row := s.query.QueryRow(ctx, performance, a.args()...)
	if err := row.Scan(&p.Total, &p.Active, &p.Completed, &p.Failed, &p.TaskTime, &p.Since, &p.Now, &p.StepTime, &p.Steps); err != nil {
		return p, fmt.Errorf("analyse the performance: %w", err)
	}
	return p, nil
}

// Slow is a step of a template, or a template as a whole, and how long it takes.
type Slow struct {
	Namespace, Name, Version string
	// Step is empty for a template as a whole.
	Step          string
	Average, Max  time.Duration
	Count, Errors int64
	// StepCount is how many steps a task has on average; 0 for a step.
	StepCount float64
	Last      *time.Time
}

const slowSteps = `/* tasker:slow_steps */
with ` + recentTasks + `, ` + attemptEnds + `
select tt.namespace, tt.name, tt.version, ts.name, avg(exec_ms) * interval '1 millisecond', max(exec_ms) * interval '1 millisecond',
  count(*), count(*) filter (where failed), 0::float8, max(at)
from attempts a join tasker.task_templates tt using (template_id)
join tasker.template_steps ts on ts.template_id = tt.template_id and ts.step_no = mod(a.step_no, tt.step_count)
group by 1, 2, 3, 4 having count(*) >= $5 order by 5 desc limit $6`

const slowTasks = `/* tasker:slow_tasks */
with ` + recentTasks + `, sizes as (
  select template_id, count(*)::float8 / count(distinct task_uuid) as steps from (
    select r.template_id, r.task_uuid from recent r cross join lateral (
      select from tasker.workflow_steps s where s.task_uuid = r.task_uuid) s limit $4) s
  group by 1)
select tt.namespace, tt.name, tt.version, '', coalesce(avg(took), '0'), coalesce(max(took), '0'),
  count(*), count(*) filter (where state in ('error', 'blocked_by_failures')), coalesce(max(z.steps), 0), max(completed_at)
from recent r join tasker.task_templates tt using (template_id) left join sizes z using (template_id)
group by 1, 2, 3 having count(*) >= $5 order by 5 desc limit $6`

// Bottlenecks lists the slowest steps and templates that ran at least so often.
func (s *Store) Bottlenecks(ctx context.Context, a Analysis, atLeast, limit int) (steps, tasks []Slow, err error) {
	args := append(a.args(), atLeast, limit)
	if steps, err = s.slow(ctx, slowSteps, args); err != nil {
		return nil, nil, fmt.Errorf("find slow steps: %w", err)
	}
	if tasks, err = s.slow(ctx, slowTasks, args); err != nil {
		return nil, nil, fmt.Errorf("find slow tasks: %w", err)
	}
	return steps, tasks, nil
}

func (s *Store) slow(ctx context.Context, statement string, args []any) ([]Slow, error) {
	rows, err := s.query.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Slow])
}

const stateCounts = `/* tasker:state_counts */
with ` + recentTasks + `
select 'task', state::text, count(*) from recent group by 2
union all
select 'step', state, count(*) from (
  select s.state::text from recent r cross join lateral (
    select state from tasker.workflow_steps s where s.task_uuid = r.task_uuid) s limit $4) s group by 2`

// StateCounts counts recent tasks and their steps by state.
func (s *Store) StateCounts(ctx context.Context, a Analysis) (tasks, steps map[string]int64, err error) {
	rows, err := s.query.Query(ctx, stateCounts, a.args()...)
	if err != nil {
		return nil, nil, fmt.Errorf("count states: %w", err)
	}
	counts := map[string]map[string]int64{"task": {}, "step": {}}
	var kind, state string
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&kind, &state, &n}, func() error { counts[kind][state] = n; return nil }); err != nil {
		return nil, nil, fmt.Errorf("count states: %w", err)
	}
	return counts["task"], counts["step"], nil
}
