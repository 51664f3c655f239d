package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// The steps of the garden: a start, a decision about x and a split into batches, and a convergence of both.
const (
	startStep int32 = iota
	decideStep
	splitStep
	workPattern
	xStep
	sumStep
	gardenSteps
)

const gardenDefinition = `{"steps":[{"name":"start"},{"name":"decide","type":"decision","retry":{"retryable":true,"max_attempts":3}},{"name":"split","type":"batchable"},
  {"name":"work","type":"batch_worker"},{"name":"x"},{"name":"sum","type":"deferred_convergence"}]}`

var gardenPlan = workflow.NewBlueprint([]workflow.BlueprintStep{
	{Name: "start", Initial: true, Children: []int32{decideStep, splitStep, xStep}},
	{Name: "decide", Kind: workflow.DecisionStep, Initial: true, Parents: []int32{startStep}, Children: []int32{xStep}},
	{Name: "split", Kind: workflow.BatchableStep, Initial: true, Parents: []int32{startStep}, Children: []int32{workPattern}},
	{Name: "work", Kind: workflow.BatchWorkerStep, Parents: []int32{splitStep}, Children: []int32{sumStep}, Batches: workflow.BatchPolicy{Parallelism: 2}},
	{Name: "x", Parents: []int32{startStep, decideStep}, Children: []int32{sumStep}},
	{Name: "sum", Kind: workflow.ConvergenceStep, Parents: []int32{workPattern, xStep}},
}, workflow.GrowthLimits{})

// garden is a task of which the start is complete, and whose decision and split run.
type garden struct {
	*world
	lease store.Lease
	task  sdk.UUID
}

func newGarden(t testing.TB) *garden {
	t.Helper()
	return newWorld(t).garden(t)
}

func (w *world) garden(t testing.TB) *garden {
	t.Helper()
	id, err := w.RegisterTemplate(t.Context(), &store.Template{
		Namespace: "n", Name: "garden", Version: "1.0.0", ContentHash: "content", IdentityStrategy: "always_unique", Definition: json.RawMessage(gardenDefinition),
		Steps: []store.TemplateStep{
			{No: startStep, Name: "start", Callable: "h", Initial: true, Children: []int32{decideStep, splitStep, xStep}},
			{No: decideStep, Name: "decide", Callable: "h", Initial: true, Sink: true, Parents: []int32{startStep}, Children: []int32{xStep}},
			{No: splitStep, Name: "split", Callable: "h", Initial: true, Sink: true, Parents: []int32{startStep}, Children: []int32{workPattern}},
			{No: workPattern, Name: "work", Callable: "h", Parents: []int32{splitStep}, Children: []int32{sumStep}},
			{No: xStep, Name: "x", Callable: "h", Parents: []int32{startStep, decideStep}, Children: []int32{sumStep}},
			{No: sumStep, Name: "sum", Callable: "h", Sink: true, Parents: []int32{workPattern, xStep}},
		},
	}, false)
	require.NoError(t, err)
	g := &garden{world: w}
	w.handlers = []int32{w.handler(t, "h")}
	g.lease = w.worker(t, 10)
	g.task = w.create(t, id, g.lease)
	g.apply(t, g.lease, outcome(g.task, startStep, 1, store.OutcomeComplete))
	return g
}

// growing is the end of a step of the garden.
func (g *garden) growing(no int32, result string) store.Growing {
	o := outcome(g.task, no, 1, store.OutcomeComplete)
	o.Result = json.RawMessage(result)
	return store.Growing{
		Outcome: o, TemplateSteps: gardenSteps, Decisions: gardenPlan.Decisions(),
		Grow:   func(now workflow.Standing) (workflow.Growth, error) { return gardenPlan.Grow(now, no, o.Result) },
		Refuse: func(err error) (store.Outcome, error) { return o, err },
	}
}

func (g *garden) grow(t testing.TB, no int32, result string) store.Applied {
	t.Helper()
	applied, err := g.ApplyGrowing(t.Context(), g.growing(no, result), g.lease)
	require.NoError(t, err)
	return applied
}

const chooseX = `{"decision_point_outcome": {"type": "create_steps", "step_names": ["x"]}}`

func splitInto(n int) string {
	raw, err := json.Marshal(sdk.CreateBatches("work", n, sdk.SplitRange(n, 1, 0)...).Value)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func work(n int32) int32 { return gardenPlan.Batch(workPattern, n) }

func TestWhatGrowsIsThereWithTheEndOfTheStepThatMadeIt(t *testing.T) {
	t.Parallel()
	g := newGarden(t)
	leased := g.grow(t, splitStep, splitInto(3)).Leased
	require.Len(t, leased, 2, "as many as run at once")
	require.Equal(t, []string{"work_001", "work_002"}, []string{leased[0].Name, leased[1].Name})
	require.Equal(t, stepRow{State: workflow.StepPending, WaitingOn: 1}, g.step(t, g.task, work(3)), "it waits for its turn")
	require.Equal(t, stepRow{State: workflow.StepPending, WaitingOn: 4}, g.step(t, g.task, sumStep), "for the batches, and for the decision about x")
	require.Len(t, g.grow(t, decideStep, chooseX).Leased, 1)
	require.Equal(t, stepRow{State: workflow.StepPending, WaitingOn: 4}, g.step(t, g.task, sumStep), "for x in place of the decision")
}

// severed breaks its connection at one of the statements that it sees.
type severed struct {
	at    string
	after bool
	done  atomic.Bool
}

func (s *severed) TraceQueryStart(ctx context.Context, conn *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	here := strings.Contains(d.SQL, s.at)
	if here && !s.after {
		s.cut(conn)
	}
	return context.WithValue(ctx, s, here)
}

func (s *severed) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryEndData) {
	if here, _ := ctx.Value(s).(bool); here && s.after {
		s.cut(conn)
	}
}

func (s *severed) cut(conn *pgx.Conn) {
	s.done.Store(true)
	_ = conn.PgConn().Conn().Close()
}

// The process that grows a task dies between any two statements: either all of the growth is there or none of it, and who
// comes next goes on from there.
func TestAGrowthThatIsCutOffAnywhereIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	for _, at := range []string{
		"lock_growth", "standing", "lock_met", "insert_steps", "add_edges", "add_sinks", "end_attempt", "add_held", "add_batches", "commit",
	} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", at, after), func(t *testing.T) {
				t.Parallel()
				g := newGarden(t)
				before := g.db.Count(t, "select count(*) from tasker.workflow_steps")
				cut := &severed{at: at, after: after}
				dying, err := store.Open(t.Context(), g.db.DSN(), traced(cut))
				require.NoError(t, err)
				defer dying.Close()
				_, err = dying.ApplyGrowing(t.Context(), g.growing(splitStep, splitInto(3)), g.lease)
				require.True(t, cut.done.Load(), "there is no statement %s", at)
				committed := at == "commit" && after
				require.Equal(t, committed, err == nil)
				if !committed {
					require.Equal(t, store.RemedyReconnect, store.Classify(err))
					require.Equal(t, before, g.db.Count(t, "select count(*) from tasker.workflow_steps"))
				}
				g.intact(t)
				again := g.grow(t, splitStep, splitInto(3))
				require.Equal(t, committed, again.Again)
				require.Empty(t, again.Stale)
				require.Equal(t, before+4, g.db.Count(t, "select count(*) from tasker.workflow_steps"))
			})
		}
	}
}

func TestASplitOfAPausedTaskHoldsItsBatches(t *testing.T) {
	t.Parallel()
	g := newGarden(t)
	by := store.Intervention{TaskUUID: g.task, Action: "pause", By: "me", Reason: "test"}
	require.NoError(t, g.PauseTask(t.Context(), by))
	require.Empty(t, g.grow(t, splitStep, splitInto(3)).Leased)
	require.Empty(t, g.claim(t, g.lease))
	require.NoError(t, g.ResumeTask(t.Context(), by))
	require.Len(t, g.claim(t, g.lease), 2)
}

func TestTheCheckFindsWhatIsLostOfAGrowth(t *testing.T) {
	t.Parallel()
	g := newGarden(t)
	g.grow(t, splitStep, splitInto(3))
	g.grow(t, decideStep, chooseX)
	broken := map[string]bool{}
	for _, p := range []struct{ check, sql, found string }{
		{"choices", `delete from tasker.workflow_steps where name = 'x';
			update tasker.template_steps set parents = '{1}' where name = 'x'`, "it chose the step x, which is not there"},
		{"batches", `delete from tasker.step_batches`, "the step is complete and was not split"},
		{"batches", `delete from tasker.workflow_steps where name = 'work_003'`, "of 3 batches 2 are there"},
		{"batches", `update tasker.workflow_steps set state = 'complete' where name in ('work_001', 'work_002')`, "1 batches are held, and none that would let them go is under way"},
		{"batches", `update tasker.step_batches set task_uuid = '00000000-0000-0000-0000-000000000001'`, "step_batches has a row for no task"},
	} {
		violations, err := g.CheckBroken(t.Context(), p.check, p.sql)
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(violations, func(v store.Violation) bool { return v.Check == p.check && strings.Contains(v.Found, p.found) }),
			"%s: %+v", p.found, violations)
		broken[p.check] = true
	}
	for _, rule := range store.GrowthRules() {
		require.True(t, broken[rule], "no test breaks the rule %s", rule)
	}
}

func TestTheStatementsOfGrowthReachTheirRowsByIndex(t *testing.T) {
	t.Parallel()
	g := newGarden(t)
	sent := &statementRecorder{statements: map[string]recordedStatement{}}
	s, err := store.Open(t.Context(), g.db.DSN(), traced(sent))
	require.NoError(t, err)
	t.Cleanup(s.Close)
	for _, no := range []int32{splitStep, decideStep} {
		result := map[int32]string{splitStep: splitInto(3), decideStep: chooseX}[no]
		_, err = s.ApplyGrowing(t.Context(), g.growing(no, result), g.lease)
		require.NoError(t, err)
	}
	ended := outcome(g.task, work(1), 1, store.OutcomeComplete)
	ended.Pattern = workPattern
	_, err = s.ApplyOutcomes(t.Context(), []store.Outcome{ended}, g.lease)
	require.NoError(t, err)
	_, err = s.BatchResults(t.Context(), g.task, gardenSteps, []int32{workPattern}, nil, nil)
	require.NoError(t, err)
	_, err = s.SaveCheckpoint(t.Context(), g.task, work(2), 1, json.RawMessage("1"), 1, nil)
	require.NoError(t, err)
	_, err = s.ApplyLocked(t.Context(), []store.Outcome{outcome(g.task, xStep, 1, store.OutcomeComplete)}, g.lease)
	require.NoError(t, err)
	fillWithTasks(t, g.Store, 3000)
	g.db.Exec(t, "vacuum analyze")
	for name, ways := range map[string][]string{
		"lock_growth":     {},
		"standing":        {stepByKey},
		"lock_met":        {stepByKey},
		"insert_steps":    {"step_transitions by step_transitions_step (task_uuid, step_no)", taskByKey},
		"add_edges":       {stepByKey},
		"add_held":        {stepByKey},
		"add_sinks":       {taskByKey},
		"add_batches":     {},
		"lock_outcomes":   {stepByKey},
		"batch_results":   {stepByKey},
		"save_checkpoint": {stepByKey},
		"apply_growth": {queueByPlace, "ready_steps by ready_steps_order (handler_id)", "step_timers by Tid Scan",
			"step_timers by step_timers_pkey (run_at, task_uuid, step_no)", claimsOfTask, taskByKey, stepByKey},
	} {
		statement, ok := sent.statements[name]
		require.True(t, ok, "%s was not sent", name)
		got := explain(t, statement)
		for i := range got {
			if name == "add_edges" && got[i] == stepsOfTask { // as good, for the few steps that are locked already
				got[i] = stepByKey
			}
		}
		require.Equal(t, ways, got, name)
	}
}

// C8
func TestACheckpointIsKeptWithItsHistory(t *testing.T) {
	t.Parallel()
	g := newGarden(t)
	save := func(cursor string, items int64, results string) (c sdk.SavedCheckpoint) {
		raw, err := g.SaveCheckpoint(t.Context(), g.task, decideStep, 1, json.RawMessage(cursor), items, json.RawMessage(results))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, &c))
		return c
	}
	for i, cursor := range []string{`50`, `"token"`, `{"page":"a","n":[1]}`, `null`, `[1,2]`, `true`, `9007199254740993`} {
		c := save(cursor, int64(i)<<40, `{"nested":[{"sum":9007199254740993}]}`)
		require.JSONEq(t, cursor, string(c.Cursor))
		require.EqualValues(t, int64(i)<<40, c.ItemsProcessed)
		require.Contains(t, string(c.Results), "9007199254740993")
		require.Len(t, c.History, i+1)
		require.JSONEq(t, cursor, string(c.History[i].Cursor))
		require.False(t, c.Timestamp.IsZero())
	}
	for i := range 30 {
		c := save(fmt.Sprint(i), 0, "")
		require.Nil(t, c.Results, "what is left out is not kept from before")
		require.LessOrEqual(t, len(c.History), 20)
		require.JSONEq(t, fmt.Sprint(i), string(c.History[len(c.History)-1].Cursor))
	}
	g.apply(t, g.lease, outcome(g.task, decideStep, 1, store.OutcomeRetryNow))
	again := g.claim(t, g.lease)
	require.Len(t, again, 1)
	require.Contains(t, string(again[0].Checkpoint), `"cursor": 29`, "the next attempt goes on from it")
	for name, key := range map[string][2]int32{"an attempt that is over": {decideStep, 1}, "no step": {99, 1}} {
		_, err := g.SaveCheckpoint(t.Context(), g.task, key[0], key[1], json.RawMessage("1"), 0, nil)
		require.ErrorIs(t, err, store.ErrNotFound, name)
	}
}
