package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// repairGrowing ends a step that adds others to its task. They come into being first, and the plan is made of the task with them.
func repairGrowing(ctx context.Context, tx pgx.Tx, i Intervention, task workflow.RepairTask, plan func(workflow.RepairTask) (*workflow.RepairPlan, error)) (workflow.TaskState, error) {
	if _, err := plan(task); err != nil {
		return repair(ctx, tx, i, task, plan) // which tells why not
	}
	growth, err := i.Grow(task.Standing)
	if err != nil {
		return task.State, err
	}
	p := newPlanting(i.Step, growth, task.Steps[i.Step].Children)
	if _, err := p.lock(ctx, tx, &Outcome{TaskUUID: i.TaskUUID, StepNo: i.Step}); err != nil {
		return task.State, err
	}
	if err := p.plant(ctx, tx, i.TaskUUID); err != nil {
		return task.State, err
	}
	if task, err = lockForRepair(ctx, tx, i.TaskUUID, i.Blueprint); err != nil {
		return task.State, err
	}
	to, err := repair(ctx, tx, i, task, plan)
	if err != nil {
		return to, err
	}
	return to, p.settle(ctx, tx, i.TaskUUID)
}

const rewireSteps = `/* tasker:rewire_steps */
update tasker.workflow_steps s set children = u.children::int[], parents = u.parents::int[], sink = u.sink
from unnest($2::int[], $3::text[], $4::text[], $5::bool[]) as u(step_no, children, parents, sink)
where s.task_uuid = $1 and s.step_no = u.step_no`

// What is left of a removed step in the queue and among the timers is dropped by whoever takes it.
const removeSteps = `/* tasker:remove_steps */
with gone as (
  delete from tasker.workflow_steps where task_uuid = $1 and step_no = any($2::int[])
), unsplit as (
  delete from tasker.step_batches where task_uuid = $1 and worker_no = any($3::int[])
)
delete from tasker.step_results_queue where task_uuid = $1 and step_no = any($2::int[])`

// uproot takes steps out of a task, and gives those that stay the edges they have left.
func uproot(ctx context.Context, tx pgx.Tx, task sdk.UUID, p *workflow.RepairPlan) error {
	var removed []int32
	var rewired []workflow.StepChange
	for _, c := range p.Steps {
		switch {
		case c.Removed:
			removed = append(removed, c.No)
		case c.Rewired:
			rewired = append(rewired, c)
		}
	}
	if n := len(rewired); n > 0 {
		sinks := make([]bool, n)
		for k := range rewired {
			sinks[k] = rewired[k].Sink
		}
		_, err := tx.Exec(ctx, rewireSteps, task, ints(n, func(k int) int32 { return rewired[k].No }),
			texts(n, func(k int) string { return intArray(rewired[k].Children) }),
			texts(n, func(k int) string {
				if rewired[k].Parents == nil {
					return ""
				}
				return intArray(rewired[k].Parents)
			}), sinks)
		if err != nil {
			return err
		}
	}
	if len(removed) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, removeSteps, task, removed, orNone(p.Unsplit))
	return err
}

const taskTemplate = `/* tasker:task_template */ select template_id from tasker.tasks where task_uuid = $1`

// TaskTemplate is the id of the template that a task runs by.
func (s *Store) TaskTemplate(ctx context.Context, task sdk.UUID) (id int32, err error) {
	return id, notFound(s.query.QueryRow(ctx, taskTemplate, task).Scan(&id))
}
