package store

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// planting brings a growth into a task.
type planting struct {
	by     int32 // the step that ends
	growth workflow.Growth
	fresh  map[int32]bool
	// children are those that new and existing steps gain; met are the existing steps that the growth touches.
	children map[int32][]int32
	met      []int32
	now      map[int32]metStep
}

// metStep is an existing step as it stands under its lock.
type metStep struct {
	open     bool
	children []int32
}

func newPlanting(by int32, growth workflow.Growth, children []int32) *planting {
	p := &planting{by: by, growth: growth, fresh: map[int32]bool{}, children: map[int32][]int32{}, now: map[int32]metStep{}}
	for i := range growth.Steps {
		p.fresh[growth.Steps[i].No] = true
	}
	p.meet(by)
	for _, child := range children {
		p.meet(child)
	}
	for i := range growth.Steps {
		for _, parent := range growth.Steps[i].Parents {
			p.children[parent] = append(p.children[parent], growth.Steps[i].No)
			p.meet(parent)
		}
	}
	for _, e := range growth.Edges {
		p.children[e.From] = append(p.children[e.From], e.To)
		p.meet(e.From)
		p.meet(e.To)
	}
	slices.Sort(p.met)
	p.met = slices.Compact(p.met)
	return p
}

func (p *planting) meet(no int32) {
	if n := len(p.met); !p.fresh[no] && (n == 0 || p.met[n-1] != no) {
		p.met = append(p.met, no)
	}
}

const lockMet = `/* tasker:lock_met */
select s.step_no, s.state::text, s.attempt, s.children from unnest($2::int[]) as u(step_no) cross join lateral (
  select * from tasker.workflow_steps s where s.task_uuid = $1 and s.step_no = u.step_no for update) s`

// lock locks the existing steps, by number. False means that the attempt that ends is over already.
func (p *planting) lock(ctx context.Context, tx pgx.Tx, o *Outcome) (ok bool, err error) {
	rows, err := tx.Query(ctx, lockMet, o.TaskUUID, p.met)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var no, attempt int32
		var state workflow.StepState
		var children []int32
		if err := rows.Scan(&no, &state, &attempt, &children); err != nil {
			return false, err
		}
		p.now[no] = metStep{!state.SatisfiesDependents(), children}
		if no == p.by {
			from := o.From
			if from == "" {
				from = workflow.StepInProgress
			}
			ok = attempt == o.Attempt && state == from
		}
	}
	return ok, rows.Err()
}

// A step that was in the task before and was taken out of it goes on with the numbers of its attempts, for they fence.
var insertSteps = `/* tasker:insert_steps */
insert into tasker.workflow_steps (task_uuid, step_no, state, attempt, forgiven, waiting_on, handler_id, priority, sink, name, children, parents, inputs)
select t.task_uuid, u.step_no, 'pending', l.attempts, l.attempts,
  u.waiting_on + case when t.paused_at is null then 0 else ` + holdGate + ` end, ts.handler_id, t.priority, u.sink, u.name, u.children::int[], u.parents::int[],
  u.inputs::jsonb
from tasker.tasks t
cross join unnest($2::int[], $3::int[], $4::int[], $5::bool[], $6::text[], $7::text[], $8::text[], $9::text[])
  as u(step_no, pattern, waiting_on, sink, name, children, parents, inputs)
join tasker.template_steps ts on ts.template_id = any(array[t.template_id]) and ts.step_no = u.pattern
cross join lateral (
  select coalesce(max(x.attempt), 0) as attempts from tasker.step_transitions x where x.task_uuid = $1 and x.step_no = u.step_no) l
where t.task_uuid = $1`

// Steps are looked up by $2: where statistics do not know the task, all of its steps would be compared with all that change.
const addEdges = `/* tasker:add_edges */
update tasker.workflow_steps s set children = s.children || u.children::int[],
  parents = case when u.parents is null then s.parents else s.parents || u.parents::int[] end, waiting_on = s.waiting_on + u.more
from unnest($2::int[], $3::text[], $4::text[], $5::int[]) as u(step_no, children, parents, more)
where s.task_uuid = $1 and s.step_no = any($2::int[]) and s.step_no = u.step_no`

// The task's row is locked after all steps, as everywhere.
const addSinks = `/* tasker:add_sinks */ update tasker.tasks set sinks_left = sinks_left + $2 where task_uuid = $1`

// plant makes the new steps and their edges. The step that ends still counts as a parent, of all but held steps: for those its
// end has come.
func (p *planting) plant(ctx context.Context, tx pgx.Tx, task sdk.UUID) error {
	sinks, err := p.insert(ctx, tx, task)
	if err != nil {
		return err
	}
	if err := p.addEdges(ctx, tx, task); err != nil {
		return err
	}
	if sinks == 0 {
		return nil
	}
	_, err = tx.Exec(ctx, addSinks, task, sinks)
	return err
}

func (p *planting) insert(ctx context.Context, tx pgx.Tx, task sdk.UUID) (sinks int, err error) {
	steps := p.growth.Steps
	const atOnce = 10_000
	for part := range slices.Chunk(steps, atOnce) {
		n, sink := len(part), make([]bool, len(part))
		for i := range part {
			if sink[i] = len(p.children[part[i].No]) == 0; sink[i] {
				sinks++
			}
		}
		_, err := tx.Exec(ctx, insertSteps, task,
			ints(n, func(i int) int32 { return part[i].No }),
			ints(n, func(i int) int32 { return part[i].Pattern }),
			ints(n, func(i int) int32 { return p.waitingOn(&part[i]) }),
			sink,
			texts(n, func(i int) string { return part[i].Name }),
			texts(n, func(i int) string { return intArray(p.children[part[i].No]) }),
			texts(n, func(i int) string { return intArray(part[i].Parents) }),
			texts(n, func(i int) string { return string(part[i].Inputs) }))
		if err != nil {
			return 0, err
		}
	}
	return sinks, nil
}

func (p *planting) waitingOn(s *workflow.NewStep) (n int32) {
	for _, parent := range s.Parents {
		if p.fresh[parent] || p.now[parent].open {
			n++
		}
	}
	// A held step waits for a batch before it in place of the step that ends here.
	return n
}

// addEdges changes the existing steps that the growth touches.
func (p *planting) addEdges(ctx context.Context, tx pgx.Tx, task sdk.UUID) error {
	held := map[int32]bool{}
	for i := range p.growth.Steps {
		held[p.growth.Steps[i].No] = p.growth.Steps[i].Held
	}
	children, parents, more := map[int32][]int32{}, map[int32][]int32{}, map[int32]int32{}
	for _, no := range p.met {
		for _, child := range p.children[no] {
			if no != p.by || !held[child] {
				children[no] = append(children[no], child)
			}
		}
	}
	for _, e := range p.growth.Edges {
		parents[e.To] = append(parents[e.To], e.From)
		if p.fresh[e.From] || p.now[e.From].open {
			more[e.To]++
		}
	}
	changed := slices.DeleteFunc(slices.Clone(p.met), func(no int32) bool { return len(children[no]) == 0 && len(parents[no]) == 0 })
	if len(changed) == 0 {
		return nil
	}
	n := len(changed)
	_, err := tx.Exec(ctx, addEdges, task, changed,
		texts(n, func(i int) string { return intArray(children[changed[i]]) }),
		texts(n, func(i int) string {
			if len(parents[changed[i]]) == 0 {
				return ""
			}
			return intArray(parents[changed[i]])
		}),
		ints(n, func(i int) int32 { return more[changed[i]] }))
	return err
}

const addHeld = `/* tasker:add_held */
update tasker.workflow_steps set children = children || $3::int[] where task_uuid = $1 and step_no = $2`

const addBatches = `/* tasker:add_batches */
insert into tasker.step_batches (task_uuid, worker_no, split_no, stride, batches, parallelism, released, fail_fast)
values ($1, $2, $3, $4, $5, $6, $7, $8)`

// settle enters what must not be there while the step ends: held steps, which its end does not ready.
func (p *planting) settle(ctx context.Context, tx pgx.Tx, task sdk.UUID) error {
	b := p.growth.Batches
	if b == nil {
		return nil
	}
	var held []int32
	for i := range p.growth.Steps {
		if p.growth.Steps[i].Held {
			held = append(held, p.growth.Steps[i].No)
		}
	}
	if len(held) > 0 {
		if _, err := tx.Exec(ctx, addHeld, task, p.by, held); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, addBatches, task, b.Worker, b.Split, b.Stride, b.Count, b.Parallelism, b.Released, b.FailFast)
	return err
}
