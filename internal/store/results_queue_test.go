package store_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func report(task sdk.UUID, no, attempt int32, success bool) store.Report {
	r := store.Report{TaskUUID: task, StepNo: no, Attempt: attempt, Success: success, ExecutionTimeMS: 77}
	if success {
		r.Result = json.RawMessage(fmt.Sprintf(`{"step": %d}`, no))
	} else {
		r.Detail = json.RawMessage(`{"error": {"message": "no"}}`)
	}
	return r
}

func (w *world) report(t testing.TB, l store.Lease, reports ...store.Report) int {
	t.Helper()
	accepted, err := w.ReportResults(t.Context(), reports, l.WorkerID)
	require.NoError(t, err)
	return accepted
}

func (w *world) take(t testing.TB, limit int) []store.QueuedResult {
	t.Helper()
	taken, err := w.TakeResults(t.Context(), limit)
	require.NoError(t, err)
	return taken
}

func TestAReportedResultWaitsForADecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(2))
	l := w.worker(t, 2)
	task := w.create(t, template, l)
	news := w.listen(t, "tasker_results")
	require.Equal(t, 2, w.report(t, l, report(task, 1, 1, false), report(task, 0, 1, true)))
	require.Len(t, news.heard(t), 1)
	require.Equal(t, stepRow{State: workflow.StepEnqueuedForOrchestration, Attempt: 1, Result: `{"step": 0}`}, w.step(t, task, 0))
	require.Equal(t, stepRow{State: workflow.StepEnqueuedAsErrorForOrchestration, Attempt: 1, Outcome: `{"error": {"message": "no"}}`}, w.step(t, task, 1))
	require.Equal(t, "in_progress enqueued_for_orchestration", w.trail(t, task, 0)[1])
	require.Equal(t, "in_progress enqueued_as_error_for_orchestration", w.trail(t, task, 1)[1])
	require.Equal(t, 2, w.db.Count(t, "select count(*) from tasker.step_transitions where exec_ms = 77 and worker_id = $1", l.WorkerID))

	taken := w.take(t, 10)
	require.Len(t, taken, 2)
	byStep := map[int32]store.QueuedResult{taken[0].StepNo: taken[0], taken[1].StepNo: taken[1]}
	require.Equal(t, store.QueuedResult{
		ID: byStep[0].ID, TaskUUID: task, TemplateID: template, StepNo: 0, Counts: workflow.AttemptCounts{Attempt: 1},
		From: workflow.StepEnqueuedForOrchestration, Result: json.RawMessage(`{"step": 0}`),
	}, byStep[0])
	require.Equal(t, store.QueuedResult{
		ID: byStep[1].ID, TaskUUID: task, TemplateID: template, StepNo: 1, Counts: workflow.AttemptCounts{Attempt: 1},
		From: workflow.StepEnqueuedAsErrorForOrchestration, Detail: json.RawMessage(`{"error": {"message": "no"}}`),
	}, byStep[1])
}

func TestADecisionAboutAReportedResultMovesItsStep(t *testing.T) {
	t.Parallel()
	const reportedError = "enqueued_as_error_for_orchestration"
	for name, tt := range map[string]struct {
		kind  store.OutcomeKind
		state workflow.StepState
		moves string
		task  workflow.TaskState
	}{
		"complete":    {store.OutcomeComplete, workflow.StepComplete, "enqueued_for_orchestration complete", workflow.TaskComplete},
		"retry later": {store.OutcomeRetry, workflow.StepWaitingForRetry, reportedError + " waiting_for_retry", workflow.TaskStepsInProcess},
		"retry now":   {store.OutcomeRetryNow, workflow.StepEnqueued, reportedError + " waiting_for_retry pending enqueued", workflow.TaskStepsInProcess},
		"error":       {store.OutcomeError, workflow.StepError, reportedError + " error", workflow.TaskBlockedByFailures},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			template := w.register(t, single)
			l := w.worker(t, 1)
			task := w.create(t, template, l)
			w.report(t, l, report(task, 0, 1, tt.kind == store.OutcomeComplete))
			taken := w.take(t, 1)
			o := outcome(task, 0, 1, tt.kind)
			o.From, o.Delay = taken[0].From, 3600e9
			for range 2 { // a result that is taken twice changes nothing the second time
				require.Empty(t, w.apply(t, store.Lease{}, o).Stale)
				require.Equal(t, tt.state, w.step(t, task, 0).State)
				require.Len(t, w.trail(t, task, 0), 3)
				require.Equal(t, tt.moves, w.trail(t, task, 0)[2])
				require.Equal(t, tt.task, w.taskState(t, task))
			}
			require.NoError(t, w.DropResults(t.Context(), []int64{taken[0].ID}))
			require.Zero(t, w.db.Count(t, "select count(*) from tasker.step_results_queue"))
		})
	}
}

func TestOnlyResultsOfAttemptsThatRunAreAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(4))
	l := w.worker(t, 4)
	task := w.create(t, template, l)
	w.apply(t, store.Lease{}, outcome(task, 1, 1, store.OutcomeCrash), outcome(task, 2, 1, store.OutcomeComplete))
	reports := []store.Report{report(task, 0, 1, true), report(task, 1, 1, true), report(task, 2, 1, false), report(task, 3, 2, true)}
	require.Equal(t, 1, w.report(t, l, reports...))
	before := w.everything(t)
	require.Zero(t, w.report(t, l, reports...))
	require.Equal(t, before, w.everything(t))
	require.Equal(t, []workflow.StepState{workflow.StepEnqueuedForOrchestration, workflow.StepEnqueued, workflow.StepComplete,
		workflow.StepInProgress}, w.states(t, task))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.step_results_queue"))
}

func TestATakenResultIsHiddenUntilItsServerMustHaveDied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(3))
	l := w.worker(t, 3)
	task := w.create(t, template, l)
	w.report(t, l, report(task, 0, 1, true))
	w.report(t, l, report(task, 1, 1, true))
	w.report(t, l, report(task, 2, 1, true))
	first := w.take(t, 2)
	require.Equal(t, []int32{0, 1}, []int32{first[0].StepNo, first[1].StepNo}, "the oldest first")
	second := w.take(t, 10)
	require.Len(t, second, 1)
	require.Empty(t, w.take(t, 10))
	require.NoError(t, w.DropResults(t.Context(), []int64{second[0].ID}))
	w.force(t, task, 2, workflow.StepComplete)
	w.db.Exec(t, "update tasker.tasks set sinks_left = 2")

	w.db.Exec(t, "update tasker.step_results_queue set hidden_until = hidden_until - interval '29 seconds'")
	require.Empty(t, w.take(t, 10))
	w.db.Exec(t, "update tasker.step_results_queue set hidden_until = hidden_until - interval '2 seconds'")
	require.Equal(t, first, w.take(t, 10))
}

func TestQueuedResultsAreSharedAmongServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const tasks, width, servers = 10, 50, 6
	template := w.register(t, roots(width))
	l := w.worker(t, tasks*width)
	created, err := w.CreateTasks(t.Context(), tasksOf(template, tasks), l)
	require.NoError(t, err)
	var reports []store.Report
	for _, s := range created.Leased {
		reports = append(reports, report(s.TaskUUID, s.StepNo, 1, true))
	}
	require.Equal(t, tasks*width, w.report(t, l, reports...))
	var mu sync.Mutex
	times := map[int64]int{}
	ended := 0
	var g errgroup.Group
	for range servers {
		g.Go(func() error {
			for {
				taken, err := w.TakeResults(t.Context(), 17)
				if err != nil || len(taken) == 0 {
					return err
				}
				var outcomes []store.Outcome
				var ids []int64
				for _, q := range taken {
					o := outcome(q.TaskUUID, q.StepNo, q.Counts.Attempt, store.OutcomeComplete)
					o.From = q.From
					outcomes, ids = append(outcomes, o), append(ids, q.ID)
				}
				var applied store.Applied
				if err := insist(func() (err error) { applied, err = w.ApplyOutcomes(t.Context(), outcomes, store.Lease{}); return err }); err != nil {
					return err
				}
				mu.Lock()
				ended += len(applied.Ended)
				for _, id := range ids {
					times[id]++
				}
				mu.Unlock()
				if err := w.DropResults(t.Context(), ids); err != nil {
					return err
				}
			}
		})
	}
	require.NoError(t, g.Wait())
	require.Len(t, times, tasks*width)
	for id, n := range times {
		require.Equal(t, 1, n, "result %d", id)
	}
	require.Equal(t, tasks, ended)
}

func TestAResultOfATaskThatWasCancelledMeanwhileChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 1)
	task := w.create(t, template, l)
	w.report(t, l, report(task, 0, 1, true))
	_, err := w.CancelTask(t.Context(), task, "me", "")
	require.NoError(t, err)
	taken := w.take(t, 10)
	require.Len(t, taken, 1)
	o := outcome(task, 0, 1, store.OutcomeComplete)
	o.From = workflow.StepEnqueuedForOrchestration
	before := w.everything(t)
	applied := w.apply(t, l, o)
	require.Empty(t, applied.Leased)
	require.Empty(t, applied.Ended)
	require.Equal(t, before, w.everything(t))
	require.NoError(t, w.DropResults(t.Context(), []int64{taken[0].ID}))
}
