package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Growing is the end of a step that may add steps to its task.
type Growing struct {
	Outcome
	// TemplateSteps counts the steps of the task's template; Decisions are those of them that decide.
	TemplateSteps int32
	Decisions     []int32
	// Grow says what the task gains. Refuse makes the step's outcome of an error that Grow returns.
	Grow   func(workflow.Standing) (workflow.Growth, error)
	Refuse func(error) (Outcome, error)
}

// ApplyGrowing ends an attempt of a step that adds others to its task. The new steps come into being in the transaction that
// completes the step, so that nobody ever sees the one without the others. Growths of one task come one after the other. An
// attempt that is over changes nothing and is reported stale; applying it again is safe.
func (s *Store) ApplyGrowing(ctx context.Context, g Growing, l Lease) (applied Applied, err error) {
	done, batch := 0, []Outcome{g.Outcome}
	err = pgx.BeginFunc(ctx, s.engine, func(tx pgx.Tx) error {
		applied, done, err = grow(ctx, tx, &g, batch, l)
		return err
	})
	if err != nil {
		return Applied{}, fmt.Errorf("end step %d of task %s, which may add others: %w", g.StepNo, g.TaskUUID, err)
	}
	if done == 0 {
		applied = Applied{States: []workflow.StepState{batch[0].Kind.state()}}
		err = s.sortOut(ctx, batch, done, &applied)
	}
	return applied, err
}

func grow(ctx context.Context, tx pgx.Tx, g *Growing, batch []Outcome, l Lease) (applied Applied, done int, err error) {
	if _, err := tx.Exec(ctx, lockGrowth, growthKey(g.TaskUUID)); err != nil {
		return applied, 0, err
	}
	now, children, err := standing(ctx, tx, g)
	if err != nil {
		return applied, 0, err
	}
	if self, ok := now.Steps[g.StepNo]; !ok || !self.Open {
		return applied, 0, nil
	}
	growth, refused := g.Grow(now)
	if refused != nil {
		if batch[0], err = g.Refuse(refused); err != nil {
			return applied, 0, err
		}
		return apply(ctx, tx, batch, l)
	}
	p := newPlanting(g.StepNo, growth, children)
	if ok, err := p.lock(ctx, tx, &g.Outcome); err != nil || !ok {
		return applied, 0, err
	}
	if err := p.plant(ctx, tx, g.TaskUUID); err != nil {
		return applied, 0, err
	}
	if applied, done, err = apply(ctx, tx, batch, l); err != nil {
		return applied, 0, err
	}
	if done == 0 {
		return applied, 0, errors.New("the step, which is locked, was not ended")
	}
	return applied, done, p.settle(ctx, tx, g.TaskUUID)
}

// A growth makes up to [workflow.MaxBatches] steps, and so may take longer than other statements.
const lockGrowth = `/* tasker:lock_growth */ select pg_advisory_xact_lock($1), set_config('statement_timeout', '60s', true)`

// growthKey names the lock under which a task grows.
func growthKey(task sdk.UUID) int64 { return int64(binary.BigEndian.Uint64(task[8:])) }

const readStanding = `/* tasker:standing */
select s.step_no, s.state not in ('complete', 'resolved_manually'), s.parents,
  case when s.step_no = any($4::int[]) then s.result::text end, case when s.step_no = $3 then s.children end, 0, 0
from tasker.workflow_steps s where s.task_uuid = $1 and s.step_no < $2
union all
select b.worker_no, false, null, null, null, b.batches, b.split_no from tasker.step_batches b where b.task_uuid = $1`

// standing reads the steps that a task has, and the children of the one that ends.
func standing(ctx context.Context, tx pgx.Tx, g *Growing) (now workflow.Standing, children []int32, err error) {
	now = workflow.Standing{Steps: map[int32]workflow.StandingStep{}, Batches: map[int32]int32{}, Splits: map[int32]int32{}}
	rows, err := tx.Query(ctx, readStanding, g.TaskUUID, g.TemplateSteps, g.StepNo, orNone(g.Decisions))
	if err != nil {
		return now, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var no, batches, split int32
		var step workflow.StandingStep
		var result pgtype.Text
		var mine []int32
		if err := rows.Scan(&no, &step.Open, &step.Parents, &result, &mine, &batches, &split); err != nil {
			return now, nil, err
		}
		if batches > 0 {
			now.Batches[no], now.Splits[no] = batches, split
			continue
		}
		step.Result = rawOrNil(result)
		now.Steps[no] = step
		if no == g.StepNo {
			children = mine
		}
	}
	return now, children, rows.Err()
}

const lockOutcomes = `/* tasker:lock_outcomes */
select from unnest($1::uuid[], $2::int[]) as u(task_uuid, step_no)
join tasker.workflow_steps s on s.task_uuid = any(array[u.task_uuid]) and s.step_no = u.step_no
order by u.task_uuid, u.step_no for update of s`

// ApplyLocked is [Store.ApplyOutcomes] for steps that others may be given as children meanwhile. A statement that waits for a
// row's lock gets the row as it is by then, its new children among them, but does not see those themselves: so the locks come
// first, and then a statement that sees all.
func (s *Store) ApplyLocked(ctx context.Context, batch []Outcome, l Lease) (applied Applied, err error) {
	done, n := 0, len(batch)
	err = pgx.BeginFunc(ctx, s.engine, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, lockOutcomes, ids(n, func(i int) sdk.UUID { return batch[i].TaskUUID }),
			ints(n, func(i int) int32 { return batch[i].StepNo }))
		if err != nil {
			return err
		}
		applied, done, err = apply(ctx, tx, batch, l)
		return err
	})
	if err != nil {
		return Applied{}, fmt.Errorf("end %d steps of growing tasks: %w", n, err)
	}
	if done != n {
		err = s.sortOut(ctx, batch, done, &applied)
	}
	return applied, err
}
