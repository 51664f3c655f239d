package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// handAction is what an operator does to a task that grows.
type handAction struct {
	name string
	step int32
	// grown says that the task has run to its end before; otherwise step has failed.
	grown bool
	// result ends the step by hand; without one the step and all that follows it run again.
	result string
	// of is how many statements its transaction has at least.
	of int
}

var handActions = []handAction{
	{name: "retry from a decision", step: decideStep, grown: true, of: 7},
	{name: "retry from a split", step: splitStep, grown: true, of: 7},
	{name: "retry from before both", step: startStep, grown: true, of: 7},
	{name: "complete a decision", step: decideStep, result: chooseX, of: 10},
	{name: "resolve a decision", step: decideStep, result: string(workflow.DecisionStep.NoOutcome()), of: 9},
	{name: "complete a split", step: splitStep, result: splitInto(3), of: 10},
	{name: "resolve a split", step: splitStep, result: string(workflow.BatchableStep.NoOutcome()), of: 10},
}

// action is what the trail calls it.
func (a *handAction) action() string {
	if a.grown {
		return "retry_from"
	}
	return "complete_manually"
}

// do has the store do it, as an operator's request would.
func (a *handAction) do(ctx context.Context, s *store.Store, task sdk.UUID) error {
	i := store.Intervention{TaskUUID: task, Action: a.action(), By: "ada", Reason: "to see", Step: a.step, Blueprint: gardenPlan}
	plan := func(t workflow.RepairTask) (*workflow.RepairPlan, error) { return workflow.RetryFrom(t, a.step) }
	if a.result != "" {
		i.Result, i.Outcome = json.RawMessage(a.result), json.RawMessage(`{}`)
		i.Grow = func(now workflow.Standing) (workflow.Growth, error) { return gardenPlan.Grow(now, a.step, i.Result) }
		plan = func(t workflow.RepairTask) (*workflow.RepairPlan, error) {
			return workflow.ResolveStep(t, a.step, true)
		}
	}
	_, err := s.Repair(ctx, i, plan)
	return err
}

// doomedVariable, if it is set, makes a process of this test binary one that acts as the orders in it say, and dies of it.
const doomedVariable = "TASKER_TEST_DOOMED"

type doomedOrders struct {
	DSN    string
	Task   sdk.UUID
	Action int // the place among handActions
	At     int // the number of the statement before which it is killed
}

// committed is what such a process says if it was killed between its commit and whatever comes next.
const committed = "committed"

func init() {
	if orders, ok := os.LookupEnv(doomedVariable); ok {
		fmt.Println(actAndDie([]byte(orders)))
		os.Exit(1)
	}
}

func actAndDie(orders []byte) error {
	var o doomedOrders
	if err := json.Unmarshal(orders, &o); err != nil {
		return err
	}
	s, err := store.Open(context.Background(), o.DSN, store.Options{Tracer: &doom{at: o.At}})
	if err != nil {
		return err
	}
	return errors.Join(handActions[o.Action].do(context.Background(), s, o.Task), errors.New("it lives on"))
}

// doom kills its process before a statement of the first transaction, the commit being the last, or after the commit.
type doom struct {
	at, sent int
	within   bool
}

func (d *doom) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	switch {
	case q.SQL == "begin":
		d.within = true
	case d.within && d.sent == d.at:
		kill9()
	case d.within:
		d.sent++
	}
	return context.WithValue(ctx, d, q.SQL)
}

func (d *doom) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryEndData) {
	if ctx.Value(d) == "commit" && q.Err == nil {
		fmt.Println(committed)
		kill9()
	}
}

func kill9() {
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {}
}

// dieAt has another process act, which is killed, and says whether that was after its commit.
func (g *garden) dieAt(t testing.TB, action, at int) (done bool) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), self)
	orders, err := json.Marshal(doomedOrders{g.db.DSN(), g.task, action, at})
	require.NoError(t, err)
	c.Env = append(os.Environ(), doomedVariable+"="+string(orders))
	said, err := c.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	status, ok := exit.Sys().(syscall.WaitStatus)
	require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "it was not killed: %s", said)
	return strings.Contains(string(said), committed)
}

// all is whatever the database knows of the task.
func (g *garden) all(t testing.TB) (text string) {
	t.Helper()
	var parts []string
	for _, table := range []string{
		"tasks", "workflow_steps", "step_batches", "ready_steps", "step_timers", "step_results_queue", "task_claims", "step_transitions", "task_transitions",
	} {
		parts = append(parts, fmt.Sprintf("select '%s ' || r::text as line from tasker.%[1]s r where task_uuid = $1", table))
	}
	sql := "select string_agg(line, E'\n' order by line) from (" + strings.Join(parts, " union all ") + ") all_lines"
	require.NoError(t, g.db.Pool(t).QueryRow(t.Context(), sql, g.task).Scan(&text))
	return text
}

// end ends an attempt as its handler would: the decision chooses x, the split makes three batches.
func (g *garden) end(t testing.TB, no, attempt int32) (next []store.LeasedStep) {
	t.Helper()
	o := outcome(g.task, no, attempt, store.OutcomeComplete)
	switch result := map[int32]string{decideStep: chooseX, splitStep: splitInto(3)}[no]; {
	case result != "":
		growing := g.growing(no, result)
		growing.Attempt = attempt
		applied, err := g.ApplyGrowing(t.Context(), growing, g.lease)
		require.NoError(t, err)
		return applied.Leased
	case gardenPlan.Kind(no) == workflow.BatchWorkerStep:
		o.Pattern = workPattern
	}
	return g.apply(t, g.lease, o).Leased
}

// finish runs what is leased, and all that follows, to its end.
func (g *garden) finish(t testing.TB, leased []store.LeasedStep) {
	t.Helper()
	for {
		for len(leased) > 0 {
			s := leased[0]
			leased = append(leased[1:], g.end(t, s.StepNo, s.Counts.Attempt)...)
		}
		for _, s := range g.claim(t, g.lease) {
			leased = append(leased, s.LeasedStep)
		}
		if len(leased) == 0 {
			return
		}
	}
}

// A process that does what an operator asked for is killed before each statement of the transaction, and after its commit: all of
// it is done or nothing, and the task goes on to its end.
func TestAProcessThatDiesOverAnOperatorsActionHasDoneAllOfItOrNothing(t *testing.T) {
	t.Parallel()
	for action, a := range handActions {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			g := newGarden(t)
			held, err := g.HeldSteps(t.Context(), g.lease.WorkerID)
			require.NoError(t, err)
			var leased []store.LeasedStep
			for _, s := range held {
				if s.StepNo != a.step || a.grown {
					leased = append(leased, s.LeasedStep)
				}
			}
			if !a.grown {
				g.apply(t, g.lease, outcome(g.task, a.step, 1, store.OutcomeError))
			}
			g.finish(t, leased)
			before := g.all(t)
			at := 0
			for ; !g.dieAt(t, action, at); at++ {
				require.Equal(t, before, g.all(t), "killed before statement %d", at)
				g.intact(t)
			}
			require.GreaterOrEqual(t, at, a.of, "statements of the transaction")
			require.NotEqual(t, before, g.all(t))
			g.intact(t)
			require.Equal(t, 1, g.db.Count(t, "select count(*) from tasker.task_transitions where detail ->> 'action' = $1", a.action()), "once")

			g.finish(t, nil)
			require.Equal(t, workflow.TaskComplete, g.stateOf(t, g.task))
			g.intact(t)
		})
	}
}
