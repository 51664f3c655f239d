package store_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

var allKinds = []store.OutcomeKind{store.OutcomeComplete, store.OutcomeRetry, store.OutcomeError, store.OutcomeRelease, store.OutcomeCrash,
	store.OutcomeCrashOut, store.OutcomeRetryNow}

func TestAnOutcomeMovesItsStep(t *testing.T) {
	t.Parallel()
	result, reason := `{"step": 0, "attempt": 1}`, func(kind string) string { return `{"reason": "kind ` + kind + `"}` }
	for name, tt := range map[string]struct {
		kind  store.OutcomeKind
		want  stepRow
		trail string
		task  workflow.TaskState
	}{
		"complete": {store.OutcomeComplete, stepRow{State: workflow.StepComplete, Attempt: 1, Result: result},
			"in_progress enqueued_for_orchestration complete", workflow.TaskStepsInProcess},
		"retry later": {store.OutcomeRetry, stepRow{State: workflow.StepWaitingForRetry, Attempt: 1, Outcome: reason("2"), Timers: 1},
			"in_progress enqueued_as_error_for_orchestration waiting_for_retry", workflow.TaskStepsInProcess},
		"error": {store.OutcomeError, stepRow{State: workflow.StepError, Attempt: 1, Outcome: reason("3")},
			"in_progress enqueued_as_error_for_orchestration error", workflow.TaskBlockedByFailures},
		"release": {store.OutcomeRelease, stepRow{State: workflow.StepEnqueued, Attempt: 1, Forgiven: 1, Outcome: reason("4"), Queued: 1},
			"in_progress waiting_for_retry pending enqueued", workflow.TaskStepsInProcess},
		"crash": {store.OutcomeCrash, stepRow{State: workflow.StepEnqueued, Attempt: 1, Crashes: 1, Outcome: reason("5"), Queued: 1},
			"in_progress waiting_for_retry pending enqueued", workflow.TaskStepsInProcess},
		"one crash too many": {store.OutcomeCrashOut, stepRow{State: workflow.StepError, Attempt: 1, Crashes: 1, Outcome: reason("6")},
			"in_progress error", workflow.TaskBlockedByFailures},
		"retry now": {store.OutcomeRetryNow, stepRow{State: workflow.StepEnqueued, Attempt: 1, Outcome: reason("7"), Queued: 1},
			"in_progress enqueued_as_error_for_orchestration waiting_for_retry pending enqueued", workflow.TaskStepsInProcess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			template := w.register(t, chain)
			l := w.worker(t, 1)
			task := w.create(t, template, l)
			o := outcome(task, 0, 1, tt.kind)
			o.Delay, o.ExecutionTimeMS = 3600e9, 1234
			applied := w.apply(t, store.Lease{WorkerID: l.WorkerID}, o)

			require.Empty(t, applied.Stale)
			require.Equal(t, []workflow.StepState{tt.want.State}, applied.States)
			require.Equal(t, tt.want, w.step(t, task, 0))
			require.Equal(t, []string{"pending enqueued in_progress", tt.trail}, w.trail(t, task, 0))
			require.Equal(t, tt.task, w.taskState(t, task))
			require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.step_transitions where exec_ms = 1234 and worker_id = $1`, l.WorkerID))
			if tt.task == workflow.TaskBlockedByFailures {
				require.Equal(t, []store.EndedTask{{TaskUUID: task, State: workflow.TaskBlockedByFailures}}, applied.Ended)
				require.Equal(t, "steps_in_process evaluating_results blocked_by_failures", w.taskTrail(t, task)[1])
			} else {
				require.Empty(t, applied.Ended)
			}
			if tt.want.Queued > 0 { // and it can be claimed again, under a new token
				again := w.claim(t, l)
				require.Len(t, again, 1)
				require.Equal(t, workflow.AttemptCounts{Attempt: 2, Crashes: tt.want.Crashes, Forgiven: tt.want.Forgiven}, again[0].Counts)
			}
		})
	}
}

func TestAnOutcomeThatComesTooLateIsStaleAndChangesNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		attempt int32
		before  func(t *testing.T, w *world, task sdk.UUID, l store.Lease)
	}{
		"of an earlier attempt": {1, func(t *testing.T, w *world, task sdk.UUID, l store.Lease) {
			w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeCrash))
			require.Len(t, w.claim(t, l), 1)
		}},
		"of an attempt that is yet to come": {2, func(*testing.T, *world, sdk.UUID, store.Lease) {}},
		"of a step that is queued again": {1, func(t *testing.T, w *world, task sdk.UUID, _ store.Lease) {
			w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeCrash))
		}},
		"of a step that another attempt completed": {1, func(t *testing.T, w *world, task sdk.UUID, l store.Lease) {
			w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeCrash))
			w.claim(t, l)
			w.apply(t, store.Lease{}, outcome(task, 0, 2, store.OutcomeComplete))
		}},
		"of a step that has failed for good": {1, func(t *testing.T, w *world, task sdk.UUID, _ store.Lease) {
			w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeCrashOut))
		}},
		"of a cancelled task": {1, func(t *testing.T, w *world, task sdk.UUID, _ store.Lease) {
			_, err := w.CancelTask(t.Context(), task, "me", "")
			require.NoError(t, err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			template := w.register(t, chain)
			l := w.worker(t, 10)
			task := w.create(t, template, l)
			tt.before(t, w, task, l)
			before := w.everything(t)
			applied := w.apply(t, l, outcome(task, 0, tt.attempt, store.OutcomeComplete))
			require.Equal(t, []int{0}, applied.Stale)
			require.Empty(t, applied.Leased)
			require.Empty(t, applied.Ended)
			require.Equal(t, before, w.everything(t))
		})
	}
}

func TestAnOutcomeOfAnUnknownTaskOrStepIsStale(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	task := w.create(t, template, w.worker(t, 1))
	applied := w.apply(t, store.Lease{}, outcome(sdk.NewUUID(), 0, 1, store.OutcomeComplete), outcome(task, 7, 1, store.OutcomeComplete))
	require.Equal(t, []int{0, 1}, applied.Stale)
	require.Equal(t, store.Applied{States: []workflow.StepState{}}, w.apply(t, store.Lease{}))
}

func TestTheStaleOnesOfABatchAreNamedByTheirPlaceInIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(2))
	l := w.worker(t, 100)
	var batch []store.Outcome
	var want []int
	for i := range 20 {
		task := w.create(t, template, l)
		first, second := outcome(task, 0, 1, store.OutcomeComplete), outcome(task, 1, 1, store.OutcomeComplete)
		if i%3 == 0 {
			second.Attempt = 9
		}
		batch = append([]store.Outcome{second, first}, batch...) // against the order in which they are locked
	}
	for i := range batch {
		if batch[i].Attempt == 9 {
			want = append(want, i)
		}
	}
	applied := w.apply(t, l, batch...)
	require.Equal(t, want, applied.Stale)
	require.Len(t, applied.Ended, 20-len(want))
	require.Equal(t, 40-len(want), w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'complete'"))
}

func TestApplyingABatchAgainAfterALostAnswerChangesNothingAndIsNotStale(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 100)
	var batch []store.Outcome
	for _, kind := range allKinds {
		o := outcome(w.create(t, template, l), 0, 1, kind)
		o.Delay = 3600e9
		batch = append(batch, o)
	}
	first := w.apply(t, l, batch...)
	require.Empty(t, first.Stale)
	require.Len(t, first.Leased, 1)
	require.Len(t, first.Ended, 2)
	before := w.everything(t)

	second := w.apply(t, l, batch...)
	require.Empty(t, second.Stale)
	require.Empty(t, second.Leased)
	require.Empty(t, second.Ended)
	require.Equal(t, before, w.everything(t))

	w.apply(t, l, completed(first.Leased...)...) // the same is true later, when the task has moved on
	before = w.everything(t)
	require.Empty(t, w.apply(t, l, batch...).Stale)
	require.Equal(t, before, w.everything(t))
}

func TestAnAttemptThatIsReportedTwiceInABatchCountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	o := outcome(task, 0, 1, store.OutcomeComplete)
	applied := w.apply(t, l, o, o, o)
	require.Empty(t, applied.Stale)
	require.Len(t, applied.Leased, 1)
	require.Len(t, w.trail(t, task, 0), 2)
	require.Equal(t, stepRow{State: workflow.StepInProgress, Attempt: 1, Worker: l.WorkerID}, w.step(t, task, 1))
}

func TestAResultIsKeptUntilALaterAttemptBringsAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 1)
	task := w.create(t, template, l)
	withResult := outcome(task, 0, 1, store.OutcomeRetryNow)
	withResult.Result = json.RawMessage(`{"partial": 1}`)
	w.apply(t, l, withResult)
	w.claim(t, l)
	w.apply(t, l, outcome(task, 0, 2, store.OutcomeRetryNow))
	require.JSONEq(t, `{"partial": 1}`, w.step(t, task, 0).Result)
	w.claim(t, l)
	w.apply(t, l, outcome(task, 0, 3, store.OutcomeComplete))
	row := w.step(t, task, 0)
	require.JSONEq(t, `{"step": 0, "attempt": 3}`, row.Result)
	require.Empty(t, row.Outcome)
}

func TestChildrenWaitForTheLastOfTheirParents(t *testing.T) {
	t.Parallel()
	for name, batches := range map[string][][]int32{
		"one after the other": {{1}, {2}, {3}},
		"the other way round": {{3}, {2}, {1}},
		"two at once":         {{1, 3}, {2}},
		"all at once":         {{3, 1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			template := w.register(t, wide(3))
			l := w.worker(t, 10)
			task := w.create(t, template, l)
			require.Len(t, w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete)).Leased, 3)
			left := int32(3)
			for _, batch := range batches {
				require.Equal(t, stepRow{State: workflow.StepPending, WaitingOn: left}, w.step(t, task, 4))
				var outcomes []store.Outcome
				for _, no := range batch {
					outcomes = append(outcomes, outcome(task, no, 1, store.OutcomeComplete))
				}
				applied := w.apply(t, l, outcomes...)
				if left -= int32(len(batch)); left > 0 {
					require.Empty(t, applied.Leased)
				} else {
					require.Len(t, applied.Leased, 1)
				}
			}
			require.Equal(t, stepRow{State: workflow.StepInProgress, Attempt: 1, Worker: l.WorkerID}, w.step(t, task, 4))
			require.Equal(t, []string{"pending enqueued in_progress"}, w.trail(t, task, 4))
		})
	}
}

func TestParentsThatEndAtTheSameTimeReadyTheirChildOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const parents, tasks = 4, 40
	template := w.register(t, wide(parents))
	l := w.worker(t, tasks*parents)
	created, err := w.CreateTasks(t.Context(), tasksOf(template, tasks), l)
	require.NoError(t, err)
	middle := w.apply(t, l, completed(created.Leased...)...).Leased
	require.Len(t, middle, tasks*parents)

	var g errgroup.Group
	leased := make([][]store.LeasedStep, parents)
	for p := range parents {
		g.Go(func() error {
			for i := range tasks { // each goroutine ends one parent of every task
				task := created.Leased[i].TaskUUID
				applied, err := w.ApplyOutcomes(t.Context(), []store.Outcome{outcome(task, int32(p+1), 1, store.OutcomeComplete)}, l)
				if err != nil {
					return err
				}
				leased[p] = append(leased[p], applied.Leased...)
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	var last []store.LeasedStep
	for p := range parents {
		last = append(last, leased[p]...)
	}
	require.Len(t, last, tasks)
	require.Len(t, w.apply(t, l, completed(last...)...).Ended, tasks)
}

func TestWhatBecomesReadyIsLeasedUpToTheBudgetAndQueuedBeyondIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, wide(10), func(no int) string {
		if no == 3 {
			return "not served"
		}
		return "h"
	})
	l := w.worker(t, 6)
	l.Handlers = []int32{w.handler(t, "h")}
	task := w.create(t, template, l)
	ready := w.listen(t, "tasker_ready")
	applied := w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete))
	for _, s := range applied.Leased {
		require.NotEqual(t, int32(3), s.StepNo)
		require.Equal(t, l.WorkerID, w.step(t, task, s.StepNo).Worker)
	}
	require.LessOrEqual(t, len(applied.Leased), 6)
	require.GreaterOrEqual(t, len(applied.Leased), 5) // the budget is spent in the order of steps
	require.Equal(t, 10-len(applied.Leased), w.db.Count(t, "select count(*) from tasker.ready_steps"))
	require.Equal(t, stepRow{State: workflow.StepEnqueued, Queued: 1}, w.step(t, task, 3))
	require.Len(t, ready.heard(t), 2)
}

func TestAWorkerThatMayHaveNothingStillHasItsResultsAccepted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, w *world, l *store.Lease){
		"it has no slot":           func(_ *testing.T, _ *world, l *store.Lease) { l.Budget = 0 },
		"it serves other handlers": func(_ *testing.T, _ *world, l *store.Lease) { l.Handlers = []int32{l.Handlers[0] + 1000} },
		"its lease has run out":    func(t *testing.T, w *world, l *store.Lease) { w.expire(t, l.WorkerID) },
		"it is unknown":            func(_ *testing.T, _ *world, l *store.Lease) { l.WorkerID += 1000 },
		"it stops": func(t *testing.T, w *world, l *store.Lease) {
			require.NoError(t, w.StopWorker(t.Context(), l.WorkerID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			template := w.register(t, chain)
			l := w.worker(t, 10)
			task := w.create(t, template, l)
			change(t, w, &l)
			applied := w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete))
			require.Empty(t, applied.Stale)
			require.Empty(t, applied.Leased)
			require.Equal(t, workflow.StepComplete, w.step(t, task, 0).State)
			require.Equal(t, stepRow{State: workflow.StepEnqueued, Queued: 1}, w.step(t, task, 1))
		})
	}
}

func TestATaskIsCompleteWhenItsLastStepsAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, shape{{}, {0}, {0}}) // two last steps
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete))
	require.Empty(t, w.apply(t, l, outcome(task, 2, 1, store.OutcomeComplete)).Ended)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.task_claims"))
	applied := w.apply(t, l, outcome(task, 1, 1, store.OutcomeComplete))
	require.Equal(t, []store.EndedTask{{TaskUUID: task, State: workflow.TaskComplete}}, applied.Ended)
	require.Equal(t, []string{
		"pending initializing enqueuing_steps steps_in_process", "steps_in_process evaluating_results complete",
	}, w.taskTrail(t, task))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.tasks where completed_at is not null and sinks_left = 0"))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.task_claims"))
}

func TestAFailedStepBlocksItsTaskOnceAndLeavesTheOtherBranchesRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, wide(4))
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete))
	first := w.apply(t, l, outcome(task, 1, 1, store.OutcomeError), outcome(task, 2, 1, store.OutcomeCrashOut))
	require.Equal(t, []store.EndedTask{{TaskUUID: task, State: workflow.TaskBlockedByFailures}}, first.Ended)
	require.Empty(t, w.apply(t, l, outcome(task, 3, 1, store.OutcomeError)).Ended)
	require.Empty(t, w.apply(t, l, outcome(task, 4, 1, store.OutcomeComplete)).Ended)
	require.Equal(t, []workflow.StepState{workflow.StepComplete, workflow.StepError, workflow.StepError, workflow.StepError,
		workflow.StepComplete, workflow.StepPending}, w.states(t, task))
	require.Len(t, w.taskTrail(t, task), 2)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.tasks where failed_steps = 3 and sinks_left = 1 and completed_at is null"))
}

func TestApplyTellsWorkersOnlyOfWhatItQueued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, wide(3))
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	ready := w.listen(t, "tasker_ready")

	w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete))
	require.Empty(t, ready.heard(t), "everything was taken at once")
	w.apply(t, l, outcome(task, 1, 1, store.OutcomeRelease), outcome(task, 2, 1, store.OutcomeRetryNow), outcome(task, 3, 1, store.OutcomeCrash))
	require.Len(t, ready.heard(t), 1, "three steps of one handler are one piece of news")
	require.Len(t, w.claim(t, l), 3)
	failed := outcome(task, 1, 2, store.OutcomeRetry)
	failed.Delay = 3600e9
	w.apply(t, l, failed, outcome(task, 2, 2, store.OutcomeError))
	require.Empty(t, ready.heard(t))
	w.apply(t, l, outcome(task, 1, 2, store.OutcomeRetryNow))
	require.Empty(t, ready.heard(t), "a stale outcome queues nothing")
}

func TestAResultThatCannotBeStoredLeavesTheWholeBatchAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 10)
	good, bad := outcome(w.create(t, template, l), 0, 1, store.OutcomeComplete), outcome(w.create(t, template, l), 0, 1, store.OutcomeComplete)
	bad.Result = json.RawMessage(`"\u0000"`)
	before := w.everything(t)
	_, err := w.ApplyOutcomes(t.Context(), []store.Outcome{good, bad}, l)
	require.Equal(t, store.RemedyRefuse, store.Classify(err), "%v", err)
	require.Equal(t, before, w.everything(t))
}

func TestDelaysBeyondAllMeasureAreKeptWithinOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 1)
	task := w.create(t, template, l)
	o := outcome(task, 0, 1, store.OutcomeRetry)
	o.Delay, o.ExecutionTimeMS = 1<<63-1, 1<<62
	require.Empty(t, w.apply(t, l, o).Stale)
	until, ok, err := w.NextTimer(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	require.InDelta(t, 24.8, until.Hours()/24, 0.1) // 2^31 milliseconds
}
