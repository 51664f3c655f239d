package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk"
)

// deadly kills its process at a statement.
type deadly struct {
	at    string
	after bool
}

func (d deadly) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	here := strings.Contains(q.SQL, "tasker:"+d.at+" ")
	if here && !d.after {
		die()
	}
	return context.WithValue(ctx, d, here)
}

func (d deadly) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if here, _ := ctx.Value(d).(bool); here && d.after {
		die()
	}
}

func die() {
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {}
}

func of(kind template.StepType, s template.StepDefinition) template.StepDefinition {
	s.Type = kind
	return s
}

// growing decides, splits, and brings all of it together.
func growing() []template.StepDefinition {
	return []template.StepDefinition{
		step("start"), of(template.DecisionStep, step("route", "start")), step("left", "route"), step("right", "route"),
		of(template.BatchableStep, step("split", "right")), of(template.BatchWorkerStep, step("batch", "split")),
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

// A process is killed at each statement by which a task grows. Whoever comes next finishes the task: no branch and no batch is
// lost, and none is there twice.
func TestAProcessThatDiesWhileATaskGrowsLosesNoBranch(t *testing.T) {
	t.Parallel()
	for _, point := range []struct {
		statement string
		after     bool
		queued    bool
	}{
		{"standing", true, false}, {"insert_steps", false, false}, {"insert_steps", true, false}, {"add_sinks", true, true}, {"add_batches", true, false},
		{"apply_growth", true, false}, {"add_batches", false, true},
	} {
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
			r.DieAt, r.Socket = "", ""
			w.worker(t, "heir", r)
			require.Equal(t, "complete", w.taskState(t, task))
			require.Equal(t, grownSteps, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'complete'"))
			w.requireIntact(t)
		})
	}
}

// C7, and kill -9 in place of a failure.
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

// C2, C3, C4 and C6
func TestAStepThatFailsGoesOnFromItsCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(1)...)
	n := w.node(t, role{Handlers: allHandlers})
	for name, tt := range map[string]struct {
		conduct conduct
		state   string
		attempt int
		first   int // the item that the last attempt begins with
	}{
		"in the middle of a part": {conduct{Items: 100, Every: 20, FailAt: 50}, "complete", 2, 40},
		"right after one":         {conduct{Items: 100, Every: 25, FailAt: 50}, "complete", 2, 50},
		"before the first":        {conduct{Items: 100, Every: 25, FailAt: 10}, "complete", 2, 0},
		"for good":                {conduct{Items: 100, Every: 25, FailAt: 50, Permanent: true}, "error", 1, 0},
		"one part for all":        {conduct{Items: 100, Every: 100}, "complete", 1, 0},
		"item by item":            {conduct{Items: 30, Every: 1}, "complete", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			task := w.submit(t, n, "linear", map[string]conduct{"s1": tt.conduct})
			w.eventually(t, patience, 1, "select count(*) from tasker.workflow_steps where task_uuid = $1 and state = $2::text::tasker.step_state", task, tt.state)
			require.Equal(t, tt.attempt, w.step(t, task, "s1").Attempt)
			if tt.state != "complete" {
				return
			}
			steps, err := w.store.Steps(t.Context(), task, true)
			require.NoError(t, err)
			require.JSONEq(t, fmt.Sprintf(`{"items": %d, "sum": %d}`, tt.conduct.Items, tt.conduct.Items*(tt.conduct.Items-1)/2), string(steps[0].Results.Result),
				"each item counts once")
			first := ""
			for _, e := range w.effects(t) {
				if e.Task == task && e.Attempt == tt.attempt && strings.HasPrefix(e.Kind, "item ") && first == "" {
					first = e.Kind
				}
			}
			require.Equal(t, fmt.Sprintf("item %d", tt.first), first)
		})
	}
	w.requireIntact(t)
}
