package orchestration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// batched is a split, its batches, and what comes after them.
func batched(parallelism int32, strategy template.FailureStrategy) []template.StepDefinition {
	work := typed(template.BatchWorkerStep, "work", "split")
	work.BatchConfig = &template.BatchConfiguration{Parallelism: parallelism, FailureStrategy: strategy, CursorField: "row", WorkerTemplate: "work"}
	work.Retry.MaxAttempts = 2
	return []template.StepDefinition{
		typed(template.BatchableStep, "split"), work, typed(template.DeferredConvergenceStep, "sum", "work"), step("end", "sum"),
	}
}

func into(n int) sdk.StepResult {
	return sdk.CreateBatches("work", n, sdk.SplitRange(n, 1, 0)...)
}

// split makes a task and divides it into n batches. Nothing else may be waiting for a worker.
func (w *world) split(t testing.TB, name string, n int) sdk.UUID {
	t.Helper()
	return w.splitMany(t, name, 1, n)[0]
}

func (w *world) splitMany(t testing.TB, name string, tasks, n int) (ids []sdk.UUID) {
	t.Helper()
	for range tasks {
		ids = append(ids, w.create(t, name))
	}
	claimed := w.claim(t)
	require.Len(t, claimed, tasks)
	w.process(t, store.Lease{}, results(returned(t, into(n)), claimed...)...)
	return ids
}

func TestBatchesRunNoMoreThanTheirParallelismAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(3, template.ContinueOnFailure)...)
	task := w.split(t, "batched", 10)
	var ran []string
	running := w.claim(t)
	for len(running) > 0 && running[0].Name != "sum" {
		require.LessOrEqual(t, len(running), 3)
		require.Empty(t, w.claim(t), "more than three run")
		ran = append(ran, running[0].Name)
		w.process(t, store.Lease{}, results(success(), running[0])...)
		running = append(running[1:], w.claim(t)...)
	}
	require.Equal(t, []string{"work_001", "work_002", "work_003", "work_004", "work_005", "work_006", "work_007", "work_008", "work_009", "work_010"}, ran)
	w.process(t, store.Lease{}, results(success(), running...)...)
	require.Equal(t, []string{"end"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestTheNextBatchGoesStraightToTheWorkerThatEndedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(1, template.Isolate)...)
	w.split(t, "batched", 2)
	applied := w.process(t, w.lease(t), results(success(), w.claim(t)...)...)
	require.Len(t, applied.Leased, 1)
	require.Equal(t, "work_002", applied.Leased[0].Name)
	require.JSONEq(t, `{"cursor": {"batch_id": "002", "start_cursor": 1, "end_cursor": 2, "batch_size": 1}, "is_no_op": false,
	  "batch_metadata": {"cursor_field": "row", "failure_strategy": "isolate"}, "__template_step_name": "work"}`, string(applied.Leased[0].Inputs))
}

func TestABatchThatIsRetriedKeepsItsPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(1, template.Isolate)...)
	w.split(t, "batched", 3)
	w.process(t, store.Lease{}, results(failure(true), w.claim(t)...)...)
	again := w.claim(t)
	require.Len(t, again, 1)
	require.Equal(t, "work_001", again[0].Name)
}

// B3
func TestTheFailureStrategySaysWhatAFailedBatchMeans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for strategy, tt := range map[template.FailureStrategy]struct {
		ran    []string
		states map[string]workflow.StepState
		task   workflow.TaskState
	}{
		template.ContinueOnFailure: {
			[]string{"work_003", "work_004", "sum", "end"},
			map[string]workflow.StepState{"work_002": workflow.StepResolvedManually, "work_004": workflow.StepComplete, "sum": workflow.StepComplete}, workflow.TaskComplete},
		template.Isolate: {
			[]string{"work_003", "work_004"},
			map[string]workflow.StepState{"work_002": workflow.StepError, "work_004": workflow.StepComplete, "sum": workflow.StepPending}, workflow.TaskBlockedByFailures},
		template.FailFast: {
			nil,
			map[string]workflow.StepState{"work_002": workflow.StepError, "work_003": workflow.StepError, "work_004": workflow.StepError, "sum": workflow.StepPending},
			workflow.TaskBlockedByFailures},
	} {
		t.Run(string(strategy), func(t *testing.T) {
			w.register(t, string(strategy), template.IdentityAlwaysUnique, batched(2, strategy)...)
			task := w.split(t, string(strategy), 4)
			first := w.claim(t)
			require.Len(t, first, 2)
			w.process(t, store.Lease{}, results(success(), first[0])...)
			w.process(t, store.Lease{}, results(failure(false), first[1])...)
			require.ElementsMatch(t, tt.ran, w.work(t, nil))
			for name, state := range tt.states {
				require.Equal(t, state, w.named(t, task, name).State, name)
			}
			require.Equal(t, tt.task, w.state(t, task))
			failed := w.named(t, task, "work_002").Results
			require.Equal(t, "it broke", failed.Error.Message)
			require.False(t, failed.Success)
		})
	}
}

func TestABatchThatFailsFastStopsThoseThatRunOrWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "fast", template.IdentityAlwaysUnique, batched(4, template.FailFast)...)
	task := w.split(t, "fast", 6)
	running := w.claim(t)
	require.Len(t, running, 4)
	// One is queued again, three run, two are held.
	w.process(t, store.Lease{}, results(nil, running[0])...)
	w.process(t, store.Lease{}, results(failure(false), running[1])...)
	for i, name := range []string{"work_001", "work_003", "work_004", "work_005", "work_006"} {
		cut := w.named(t, task, name)
		require.Equal(t, workflow.StepError, cut.State, name)
		require.Equal(t, "cut_short", cut.Results.Error.ErrorType, i)
	}
	require.Empty(t, w.claim(t))
	applied := w.process(t, store.Lease{}, results(success(), running[2])...)
	require.Equal(t, []int{0}, applied.Stale, "what a stopped batch still reports changes nothing")
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.ready_steps"))
}

// Batches that end at the same moment, in any process, let as many others go, and the convergence starts once.
func TestBatchesThatEndAtOnceLetTheNextOnesGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(8, template.ContinueOnFailure)...)
	const tasks, batches = 4, 60
	w.splitMany(t, "batched", tasks, batches)
	ended := 0
	for ended < tasks*(batches+2) {
		claimed := w.claim(t)
		require.NotEmpty(t, claimed, "after %d steps the others wait for ever", ended)
		require.LessOrEqual(t, len(claimed), tasks*8)
		ended += len(claimed)
		var g errgroup.Group
		for hand := range 4 {
			g.Go(func() error {
				for n := hand; n < len(claimed); n += 4 {
					end := success()
					if n%5 == 0 && claimed[n].Name != "sum" && claimed[n].Name != "end" {
						end = failure(false)
					}
					if err := w.insist(t, results(end, claimed[n])); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
	}
	require.Equal(t, tasks, w.db.Count(t, "select count(*) from tasker.tasks where state = 'complete'"))
}

// B2
func TestASplitIntoNothingRunsOneBatchThatKnowsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(3, template.ContinueOnFailure)...)
	task := w.create(t, "batched")
	require.Equal(t, []string{"split", "work_000", "sum", "end"}, w.work(t, map[string]sdk.StepResult{"split": sdk.NoBatches()}))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestAnImpossibleSplitFailsTheStepForGoodAndSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(3, template.ContinueOnFailure)...)
	task := w.create(t, "batched")
	w.process(t, store.Lease{}, results(returned(t, sdk.CreateBatches("wrok", 1, sdk.SplitRange(1, 1, 0)...)), w.claim(t)...)...)
	split := w.named(t, task, "split")
	require.Equal(t, workflow.StepError, split.State)
	require.Equal(t, sdk.ErrTypeBatches, split.Results.Error.ErrorType)
	require.Contains(t, split.Results.Error.Message, `did you mean "work"?`)
}

func TestACancelEndsHeldBatchesAsWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(2, template.ContinueOnFailure)...)
	task := w.split(t, "batched", 20)
	_, err := w.store.CancelTask(t.Context(), task, "me", "")
	require.NoError(t, err)
	require.Empty(t, w.claim(t))
	require.Equal(t, 22, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'cancelled'"))
}

func TestABatchThatLosesItsWorkersMeansWhatTheStrategySays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(1, template.ContinueOnFailure)...)
	task := w.split(t, "batched", 2)
	for range 2 { // as many crashes as are allowed
		lost := w.registerWorker(t)
		claimed, _, err := w.store.ClaimSteps(t.Context(), store.Lease{WorkerID: lost, Handlers: w.handlers(t), Budget: 1})
		require.NoError(t, err)
		require.Equal(t, "work_001", claimed[0].Name)
		require.NoError(t, w.store.StopWorker(t.Context(), lost))
		run(t, w.Sweeper.Run)
		testkit.Eventually(t, func() bool { return w.named(t, task, "work_001").State != workflow.StepInProgress }, "the step is not recovered")
	}
	require.Equal(t, workflow.StepResolvedManually, w.named(t, task, "work_001").State)
	require.Equal(t, []string{"work_002", "sum", "end"}, w.work(t, nil))
}

func TestTenThousandBatchesAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(10_000, template.ContinueOnFailure)...)
	const n = 10_000
	task := w.split(t, "batched", n)
	require.Equal(t, n, w.db.Count(t, "select count(*) from tasker.ready_steps"))
	l := w.lease(t)
	l.Budget = 500
	for range n / 500 {
		claimed, _, err := w.store.ClaimSteps(t.Context(), l)
		require.NoError(t, err)
		require.Len(t, claimed, 500)
		w.process(t, store.Lease{}, results(success(), claimed...)...)
	}
	require.Equal(t, []string{"sum", "end"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
	// The check needs no statistics, which the tables do not have yet: by the wrong plan it would take hours.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	violations, err := w.store.Check(ctx)
	require.NoError(t, err)
	require.Empty(t, violations)
}

func TestADecisionMayChooseABatchableStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	evens, odds := batched(2, template.ContinueOnFailure), batched(2, template.ContinueOnFailure)
	all := []template.StepDefinition{step("start"), step("left", "start"), step("right", "start"), typed(template.DecisionStep, "route", "left", "right")}
	for name, steps := range map[string][]template.StepDefinition{"evens": evens, "odds": odds} {
		split, work := steps[0], steps[1]
		split.Name, split.Dependencies, work.Name, work.Dependencies = name, []string{"route"}, name+"_work", []string{name}
		config := *work.BatchConfig
		config.WorkerTemplate = work.Name
		work.BatchConfig = &config
		all = append(all, split, work)
	}
	all = append(all, typed(template.DeferredConvergenceStep, "sum", "evens_work", "odds_work"))
	w.register(t, "both", template.IdentityAlwaysUnique, all...)
	task := w.create(t, "both")
	ran := w.work(t, map[string]sdk.StepResult{
		"route": sdk.CreateSteps("odds"), "odds": sdk.CreateBatches("odds_work", 3, sdk.SplitRange(3, 1, 0)...),
	})
	require.ElementsMatch(t, []string{"start", "left", "right", "route", "odds", "odds_work_001", "odds_work_002", "odds_work_003", "sum"}, ran, "W9")
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestCursorsOfAnyTypeReachTheirBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(20, template.ContinueOnFailure)...)
	w.create(t, "batched")
	cursors := []any{7, "token", map[string]any{"page": "a"}, nil, []any{1, "b"}, true, json.Number("9007199254740993")}
	var batches []sdk.BatchCursor
	for i, c := range cursors {
		batches = append(batches, sdk.BatchCursor{BatchID: fmt.Sprint(i), Start: c, End: c, Size: 1})
	}
	w.process(t, store.Lease{}, results(returned(t, sdk.CreateBatches("work", len(batches), batches...)), w.claim(t)...)...)
	for _, c := range w.claim(t) {
		var in struct {
			Cursor struct {
				BatchID string          `json:"batch_id"`
				Start   json.RawMessage `json:"start_cursor"`
			}
		}
		require.NoError(t, json.Unmarshal(c.Inputs, &in))
		var at int
		_, err := fmt.Sscan(in.Cursor.BatchID, &at)
		require.NoError(t, err)
		want, err := json.Marshal(cursors[at])
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(in.Cursor.Start), "C8")
	}
}

func (w *world) act(t testing.TB, task sdk.UUID, action orchestration.OperatorAction, name string) {
	t.Helper()
	no := w.named(t, task, name).No
	require.NoError(t, orchestration.NewOperators(w.store, w.catalog, payload.Limits{}).Act(t.Context(), orchestration.OperatorRequest{
		Action: action, TaskUUID: task, Step: &no, By: "ada", Reason: "test",
	}))
}

func TestBatchesGoOnAfterOthersWereEndedByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(2, template.Isolate)...)
	task := w.split(t, "batched", 5)
	require.Len(t, w.claim(t), 2)
	w.act(t, task, orchestration.ActionResolveManually, "work_001")
	w.act(t, task, orchestration.ActionResolveManually, "work_002")
	next := w.claim(t)
	require.Len(t, next, 2)
	w.process(t, store.Lease{}, results(failure(false), next[0])...)
	w.act(t, task, orchestration.ActionResetForRetry, next[0].Name)
	w.process(t, store.Lease{}, results(success(), next[1])...)
	require.ElementsMatch(t, []string{next[0].Name, "work_005", "sum", "end"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestBatchesCutShortCanBeResetAndRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "fast", template.IdentityAlwaysUnique, batched(1, template.FailFast)...)
	task := w.split(t, "fast", 3)
	w.process(t, store.Lease{}, results(failure(false), w.claim(t)...)...)
	require.Equal(t, workflow.TaskBlockedByFailures, w.state(t, task))
	for _, name := range []string{"work_001", "work_002", "work_003"} {
		w.act(t, task, orchestration.ActionResetForRetry, name)
	}
	require.ElementsMatch(t, []string{"work_001", "work_002", "work_003", "sum", "end"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestBatchesThatEndWhileOneFailsFastLeaveNoDisorder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "fast", template.IdentityAlwaysUnique, batched(6, template.FailFast)...)
	const tasks = 10
	w.splitMany(t, "fast", tasks, 12)
	claimed := w.claim(t)
	require.Len(t, claimed, tasks*6)
	var g errgroup.Group
	for hand := range 6 {
		g.Go(func() error {
			for n := hand; n < len(claimed); n += 6 {
				end := success()
				if claimed[n].Name == "work_003" {
					end = failure(false)
				}
				if err := w.insist(t, results(end, claimed[n])); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	require.Equal(t, tasks, w.db.Count(t, "select count(*) from tasker.tasks where state = 'blocked_by_failures'"))
	require.Empty(t, w.claim(t))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.workflow_steps where name like 'work_%' and state not in ('complete', 'error')"))
}
