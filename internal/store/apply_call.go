package store

import (
	"math"
	"sort"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// applyCall picks the leanest form of the statement that does for all of a batch, and makes its arguments.
func applyCall(batch []Outcome, l Lease) (sql string, args []any) {
	if len(batch) == 1 && batch[0].plain() {
		return endAttempt, endAttemptArgs(&batch[0], l)
	}
	order := make([]int, len(batch))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return before(&batch[order[a]], &batch[order[b]]) })
	n, at := len(batch), func(i int) *Outcome { return &batch[order[i]] }
	kinds, reported := make([]int16, n), make([]bool, n)
	sql = applyEnds
	for i := range n {
		o := at(i)
		kinds[i], reported[i] = int16(o.Kind), o.reported()
		switch {
		case o.Pattern > 0 || o.Kind >= OutcomeTolerate:
			sql = applyGrowth
		case sql == applyEnds && !o.plain():
			sql = applyOutcomes
		}
	}
	args = []any{
		ids(n, func(i int) sdk.UUID { return at(i).TaskUUID }),
		ints(n, func(i int) int32 { return at(i).StepNo }),
		ints(n, func(i int) int32 { return at(i).Attempt }),
		kinds,
		texts(n, func(i int) string { return string(at(i).Result) }),
		texts(n, func(i int) string { return string(at(i).Detail) }),
		ints(n, func(i int) int32 { return milliseconds(at(i).ExecutionTimeMS) }),
		l.WorkerID, orNone(l.Handlers), l.Budget,
	}
	if sql != applyEnds {
		args = append(args, ints(n, func(i int) int32 { return milliseconds(at(i).Delay.Milliseconds()) }), reported)
	}
	if sql == applyGrowth {
		args = append(args, patterns(n, at), cutShort)
	}
	return sql, args
}

const endAttempt = `/* tasker:end_attempt */
select what, task_uuid, step_no, attempt, crashes, forgiven, handler_id, name, inputs, checkpoint
from tasker.end_attempt($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

func endAttemptArgs(o *Outcome, l Lease) []any {
	return []any{
		idOrNull(o.TaskUUID), o.StepNo, o.Attempt, o.Kind == OutcomeComplete, text(o.Result), text(o.Detail),
		milliseconds(o.ExecutionTimeMS), l.WorkerID, orNone(l.Handlers), l.Budget,
	}
}

// plain says that a worker itself reports it, and that the handler succeeded or failed for good.
func (o *Outcome) plain() bool {
	return (o.Kind == OutcomeComplete || o.Kind == OutcomeError) && !o.reported() && o.Pattern == 0
}

// reported says that a server takes the outcome up which a worker stored.
func (o *Outcome) reported() bool { return o.From != "" && o.From != workflow.StepInProgress }

// milliseconds are what an int of PostgreSQL can hold, about 24 days.
func milliseconds(ms int64) int32 { return int32(min(ms, math.MaxInt32)) }

func before(a, b *Outcome) bool {
	for i := range a.TaskUUID {
		if a.TaskUUID[i] != b.TaskUUID[i] {
			return a.TaskUUID[i] < b.TaskUUID[i]
		}
	}
	return a.StepNo < b.StepNo
}
