package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Intervention is what somebody does to a task by hand. It is written to the trail of all that it moves.
type Intervention struct {
	TaskUUID sdk.UUID
	// Action names it, By who does it, Reason why.
	Action, By, Reason string
	// Result and Outcome are stored on the step number Step, if Result is set.
	Step            int32
	Result, Outcome json.RawMessage
	// FailedBecause is stored as the outcome of steps that the action fails.
	FailedBecause json.RawMessage
	// Blueprint is how the task grows, where that matters to the action; nil if it does not grow. Grow, if it is set, says what
	// the task gains by the end of the step number Step.
	Blueprint *workflow.Blueprint
	Grow      func(workflow.Standing) (workflow.Growth, error)
}

const lockRepair = `/* tasker:lock_repair */
select step_no, state::text, attempt, waiting_on, children, parents, sink
from tasker.workflow_steps where task_uuid = $1 order by step_no for update`

const repairTask = `/* tasker:repair_task */
with m as materialized (
  select * from unnest($2::int[], $3::text[], $4::int[], $5::text[], $6::bool[], $7::bool[])
    as u(step_no, state, waiting_on, path, fresh, redone)
), was as materialized (
  select s.step_no, s.worker_id from tasker.workflow_steps s join m using (step_no) where s.task_uuid = $1
), moved as (
  update tasker.workflow_steps s set
    state = m.state::tasker.step_state, waiting_on = m.waiting_on,
    worker_id = case when m.path is null then s.worker_id end,
    run_at = case when m.path is null then s.run_at end,
    forgiven = case when m.fresh then s.attempt else s.forgiven end,
    crashes = case when m.fresh then 0 else s.crashes end,
    checkpoint = case when m.redone then null else s.checkpoint end,
    result = case when s.step_no = $8 then $9::text::jsonb when m.redone then null else s.result end,
    outcome = case when s.step_no = $8 then $10::text::jsonb when m.redone then null when m.state = 'error' and m.path is not null then $11::text::jsonb
              else s.outcome end
  from m where s.task_uuid = $1 and s.step_no = m.step_no
  returning s.step_no, s.attempt, s.state, s.handler_id, s.priority, m.path
), queued as (
  insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no)
  select handler_id, priority, $1, step_no from moved where state = 'enqueued' and path is not null
  returning handler_id
), trail as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, path, detail)
  select $1, d.step_no, d.attempt, w.worker_id, d.path::tasker.step_state[],
    case when d.state = 'error' then $11::text::jsonb || $12::text::jsonb else $12::text::jsonb end
  from moved d join was w using (step_no) where d.path is not null
), task as (
  update tasker.tasks set state = $13::text::tasker.task_state, failed_steps = $14, sinks_left = $15,
    completed_at = case when $16 then coalesce(case when $13 = state::text then completed_at end, clock_timestamp()) end
  where task_uuid = $1
), freed as (
  delete from tasker.task_claims where task_uuid = $1 and $16
), walked as (
  insert into tasker.task_transitions (task_uuid, path, detail) select $1, $17::text[]::tasker.task_state[], $12::text::jsonb
), told as (
  select count(pg_notify('tasker_ready', q.handler_id::text)) as n from (select distinct handler_id from queued) q
), stopped as (
  select count(pg_notify('tasker_cancel', $1::text)) as n from (select where $18) i
)
select (select n from told) + (select n from stopped)`

// Repair plans an action over a task and its steps, all locked, and writes what was planned, in one transaction. A plan that
// is [workflow.ErrNotRepairable] is an [ErrConflict]; an unknown task is [ErrNotFound].
func (s *Store) Repair(ctx context.Context, i Intervention, plan func(workflow.RepairTask) (*workflow.RepairPlan, error)) (to workflow.TaskState, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if i.Blueprint != nil {
			if _, err := tx.Exec(ctx, lockGrowth, growthKey(i.TaskUUID)); err != nil {
				return err
			}
		}
		task, err := lockForRepair(ctx, tx, i.TaskUUID, i.Blueprint)
		if err != nil {
			return err
		}
		if i.Grow != nil {
			to, err = repairGrowing(ctx, tx, i, task, plan)
		} else {
			to, err = repair(ctx, tx, i, task, plan)
		}
		return err
	})
	if err != nil {
		return to, fmt.Errorf("%s task %s: %w", i.Action, i.TaskUUID, err)
	}
	return to, nil
}

func lockForRepair(ctx context.Context, tx pgx.Tx, id sdk.UUID, b *workflow.Blueprint) (task workflow.RepairTask, err error) {
	if _, err := tx.Exec(ctx, wholeTask); err != nil {
		return task, err
	}
	rows, err := tx.Query(ctx, lockRepair, id)
	if err != nil {
		return task, err
	}
	task.Steps = map[int32]*workflow.RepairStep{}
	var no int32
	var step workflow.RepairStep
	_, err = pgx.ForEachRow(rows, []any{&no, &step.State, &step.Attempt, &step.WaitingOn, &step.Children, &step.Parents, &step.Sink}, func() error {
		own := step
		own.Children, own.Parents = append([]int32(nil), step.Children...), append([]int32(nil), step.Parents...)
		task.Steps[no] = &own
		return nil
	})
	if err != nil {
		return task, err
	}
	if err := tx.QueryRow(ctx, lockPausable, id).Scan(&task.State, &task.Paused); err != nil {
		return task, notFound(err)
	}
	if b != nil {
		task.Blueprint = b
		task.Standing, _, err = standing(ctx, tx, &Growing{Outcome: Outcome{TaskUUID: id}, TemplateSteps: b.Stride(), Decisions: b.Decisions()})
	}
	return task, err
}

func repair(ctx context.Context, tx pgx.Tx, i Intervention, task workflow.RepairTask, plan func(workflow.RepairTask) (*workflow.RepairPlan, error)) (workflow.TaskState, error) {
	p, err := plan(task)
	if errors.Is(err, workflow.ErrNotRepairable) {
		return task.State, fmt.Errorf("%w: %w", ErrConflict, err)
	}
	if err != nil {
		return task.State, err
	}
	detail, err := i.detail()
	if err != nil {
		return task.State, err
	}
	resultOf := pgtype.Int4{Int32: i.Step, Valid: i.Result != nil}
	n, to := len(p.Steps), p.To()
	fresh, redone := make([]bool, n), make([]bool, n)
	for k, c := range p.Steps {
		fresh[k], redone[k] = c.Fresh, c.Redone
	}
	_, err = tx.Exec(ctx, repairTask, i.TaskUUID,
		ints(n, func(k int) int32 { return p.Steps[k].No }),
		texts(n, func(k int) string { return string(p.Steps[k].State) }),
		ints(n, func(k int) int32 { return p.Steps[k].WaitingOn }),
		texts(n, func(k int) string { return stateArray(p.Steps[k].Path) }),
		fresh, redone, resultOf, textOrNull(i.Result), textOrNull(i.Outcome), textOrNull(i.FailedBecause), string(detail),
		string(to), p.FailedSteps, p.Sinks, to.Terminal(), p.TaskPath, p.Interrupts())
	if err == nil {
		err = uproot(ctx, tx, i.TaskUUID, p)
	}
	if err == nil && !to.Terminal() {
		err = regulate(ctx, tx, i.TaskUUID)
	}
	return to, err
}

// detail is what the trail says of the intervention.
func (i *Intervention) detail() (json.RawMessage, error) {
	return json.Marshal(struct {
		Action string `json:"action"`
		By     string `json:"by"`
		Reason string `json:"reason"`
	}{i.Action, i.By, i.Reason})
}

// stateArray writes PostgreSQL's text form of a list of states; none is null.
func stateArray(path []workflow.StepState) string {
	if len(path) == 0 {
		return ""
	}
	words := make([]string, len(path))
	for i, s := range path {
		words[i] = string(s)
	}
	return textArray(words)
}

func textOrNull(raw json.RawMessage) pgtype.Text {
	return pgtype.Text{String: string(raw), Valid: len(raw) > 0}
}
