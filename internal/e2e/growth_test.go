package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk"
)

func of(kind template.StepType, s template.StepDefinition) template.StepDefinition {
	s.Type = kind
	return s
}

// growing decides, splits, and brings all of it together.
func growing() []template.StepDefinition {
	batch := of(template.BatchWorkerStep, step("batch", "split"))
	batch.BatchConfig = &template.BatchConfiguration{Parallelism: 2, FailureStrategy: template.ContinueOnFailure, CursorField: "row", WorkerTemplate: "batch"}
	return []template.StepDefinition{
		step("start"), of(template.DecisionStep, step("route", "start")), step("left", "route"), step("right", "route"),
		of(template.BatchableStep, step("split", "right")), batch,
		of(template.DeferredConvergenceStep, step("join", "left", "batch")),
	}
}

func value(r sdk.StepResult) conduct {
	raw, err := json.Marshal(r.Value)
	if err != nil {
		panic(err)
	}
	return conduct{Value: raw}
}

var grown = map[string]conduct{
	"route": value(sdk.CreateSteps("left", "right")),
	"split": value(sdk.CreateBatches("batch", 5, sdk.SplitRange(5, 1, 0)...)),
}

const grownSteps = 6 + 5

// A process is killed before each statement of the transactions by which a task grows, and before and after their commit.
// Whoever comes next finishes the task: no branch and no batch is lost, and none is there twice.
func TestAProcessThatDiesWhileATaskGrowsLosesNoBranch(t *testing.T) {
	t.Parallel()
	type point struct {
		statement string
		after     bool
		queued    bool
	}
	points := []point{{"commit", true, false}, {"add_sinks", true, true}, {"add_batches", false, true}}
	for _, statement := range statementsOfGrowth(t) {
		points = append(points, point{statement, false, false})
	}
	for _, point := range points {
		t.Run(fmt.Sprintf("%s %v %v", point.statement, point.after, point.queued), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register(t, "growing", growing()...)
			front := w.node(t, role{Queued: point.queued})
			r := role{Lease: shortLease, Slots: 4, Queued: point.queued, DieAt: point.statement, DieAfter: point.after}
			if point.queued {
				r.Socket = w.socket("doomed") // it processes results as well
			}
			doomed := w.worker(t, "doomed", r)
			task := w.submit(t, front, "growing", grown)
			if !point.queued { // of two that could process a result, the front may be the faster
				doomed.wait(t, patience)
			}
			r.DieAt, r.Socket, r.Lease = "", "", 0
			w.worker(t, "heir", r)
			if point.queued {
				w.giveBackResults(t, doomed)
			}
			require.Equal(t, "complete", w.taskState(t, task))
			require.Equal(t, grownSteps, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'complete'"))
			w.requireIntact(t)
		})
	}
}

// giveBackResults spares the others the half minute for which a server that died keeps the results that it took, if it dies.
func (w *world) giveBackResults(t *testing.T, doomed *process) {
	t.Helper()
	require.Eventually(t, func() bool {
		select {
		case <-doomed.exited:
			w.db.Exec(t, "update tasker.step_results_queue set hidden_until = '-infinity'")
			return true
		default:
			return w.db.Count(t, "select count(*) from tasker.tasks where state = 'complete'") == 1
		}
	}, patience, tick)
}

// statementsOfGrowth runs a task that grows and returns what was sent in the transactions that made it grow, so that a further
// statement is a further place to die at.
func statementsOfGrowth(t *testing.T) []string {
	t.Helper()
	w := newWorld(t)
	w.register(t, "growing", growing()...)
	seen := &growthTrace{open: map[uint32][]string{}, names: map[string]bool{}}
	task := w.submit(t, w.node(t, role{Handlers: allHandlers, tracer: seen}), "growing", grown)
	require.Equal(t, "complete", w.taskState(t, task))
	seen.mu.Lock()
	defer seen.mu.Unlock()
	names := slices.Sorted(maps.Keys(seen.names))
	require.Subset(t, names, []string{"lock_growth", "standing", "insert_steps", "add_held", "add_batches", "lock_outcomes", "commit"})
	return names
}

// A process is killed before and after it saves a checkpoint. What was saved is not done again.
func TestAProcessThatDiesAtACheckpointLosesNothingThatWasSaved(t *testing.T) {
	t.Parallel()
	for after, again := range map[bool]int{false: 25, true: 0} {
		t.Run(fmt.Sprint("after ", after), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register(t, "linear", linear(1)...)
			front := w.node(t, role{})
			doomed := w.worker(t, "doomed", role{Lease: shortLease, DieAt: "save_checkpoint", DieAfter: after})
			task := w.submit(t, front, "linear", map[string]conduct{"s1": {Items: 100, Every: 25}})
			doomed.wait(t, patience)
			w.worker(t, "heir", role{})
			require.Equal(t, "complete", w.taskState(t, task))
			require.Equal(t, stepRow{State: "complete", Attempt: 2, Crashes: 1}, w.step(t, task, "s1"))
			done := 0
			for _, e := range w.effects(t) {
				if strings.HasPrefix(e.Kind, "item ") {
					done++
				}
			}
			require.Equal(t, 100+again, done, "only what was not saved is done again")
			steps, err := w.store.Steps(t.Context(), task, true)
			require.NoError(t, err)
			require.JSONEq(t, `{"items": 100, "sum": 4950}`, string(steps[0].Results.Result), "and each item counts once")
			w.requireIntact(t)
		})
	}
}

// As C7, with kill -9 in place of a failure. Which form the handler has is nothing that a process dies of.
func TestAStepGoesOnFromItsCheckpointAfterItsProcessDied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(1)...)
	front := w.node(t, role{})
	w.worker(t, "first", role{Lease: shortLease})
	w.worker(t, "second", role{Lease: shortLease})
	task := w.submit(t, front, "linear", map[string]conduct{"s1": {Items: 100, Every: 25, DieAt: 50}})
	require.Equal(t, "complete", w.taskState(t, task))
	require.Equal(t, stepRow{State: "complete", Attempt: 2, Crashes: 1}, w.step(t, task, "s1"))
	items := map[string]int{}
	for _, e := range w.effects(t) {
		items[e.Kind]++
	}
	delete(items, "start")
	require.Len(t, items, 100)
	for item, times := range items {
		require.Equal(t, 1, times, item)
	}
	w.requireIntact(t)
}
