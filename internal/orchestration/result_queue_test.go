package orchestration_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func (w *world) resultQueue(interval time.Duration, limit int) *orchestration.ResultQueue {
	return orchestration.NewResultQueue(w.store, w.ResultProcessorActor, interval, limit, slog.New(slog.NewTextHandler(w.logs, nil)))
}

// reportAll leaves the results of claimed steps for a server.
func (w *world) reportAll(t testing.TB, success bool, claimed ...store.ClaimedStep) {
	t.Helper()
	var reports []store.Report
	for _, c := range claimed {
		r := store.Report{TaskUUID: c.TaskUUID, StepNo: c.StepNo, Attempt: c.Counts.Attempt, Success: success}
		if success {
			r.Result = json.RawMessage(`{"ok": true}`)
		} else {
			raw, err := workflow.EncodeOutcome(failure(true), "")
			require.NoError(t, err)
			r.Detail = raw
		}
		reports = append(reports, r)
	}
	accepted, err := w.store.ReportResults(t.Context(), reports, w.worker)
	require.NoError(t, err)
	require.Equal(t, len(reports), accepted)
}

func TestAServerProcessesWhatWorkersLeftForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "chain", template.IdentityStrict, step("a"), step("b", "a"), step("c", "b"))
	queue := w.resultQueue(time.Hour, 3)
	run(t, queue.Run)
	const tasks = 10
	var ids []sdk.UUID
	for range tasks {
		ids = append(ids, w.create(t, "chain"))
	}
	w.reportAll(t, false, w.claim(t)...)
	for step := range int32(3) {
		queue.Hint()
		testkit.Eventually(t, func() bool { return w.db.Count(t, "select count(*) from tasker.ready_steps") == tasks }, "the steps do not become ready")
		claimed := w.claim(t)
		require.Len(t, claimed, tasks)
		for _, c := range claimed {
			require.Equal(t, step, c.StepNo)
		}
		w.reportAll(t, true, claimed...)
	}
	queue.Hint()
	for _, id := range ids {
		state, err := w.Endings.Wait(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, workflow.TaskComplete, state)
		require.EqualValues(t, 2, w.step(t, id, 0).Counts.Attempt)
	}
	testkit.Eventually(t, func() bool { return w.db.Count(t, "select count(*) from tasker.step_results_queue") == 0 }, "results stay in the queue")
}

func TestQueuedResultsAreFoundWithoutAHint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	run(t, w.resultQueue(10*time.Millisecond, 10).Run)
	task := w.create(t, "any")
	w.reportAll(t, true, w.claim(t)...)
	state, err := w.Endings.Wait(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, workflow.TaskComplete, state)
}

func TestAResultThatAKilledServerTookIsProcessedByAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	task := w.create(t, "any")
	w.reportAll(t, true, w.claim(t)...)
	taken, err := w.store.TakeResults(t.Context(), 10) // and is never heard of again
	require.NoError(t, err)
	require.Len(t, taken, 1)
	queue := w.resultQueue(time.Hour, 10)
	run(t, queue.Run)
	w.db.Exec(t, "update tasker.step_results_queue set hidden_until = clock_timestamp()")
	queue.Hint()
	w.becomes(t, task, 0, workflow.StepComplete)
	testkit.Eventually(t, func() bool { return w.db.Count(t, "select count(*) from tasker.step_results_queue") == 0 }, "results stay in the queue")
}

func TestTheResultQueueOutlivesTroubleWithTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	task := w.create(t, "any")
	w.reportAll(t, true, w.claim(t)...)
	w.db.Exec(t, "alter table tasker.step_results_queue rename to gone")
	run(t, w.resultQueue(10*time.Millisecond, 10).Run)
	w.logs.Await(t, "queued results cannot be processed at the moment")
	w.db.Exec(t, "alter table tasker.gone rename to step_results_queue")
	w.becomes(t, task, 0, workflow.StepComplete)
}

func TestTheResultQueueStopsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.resultQueue(time.Hour, 10).Run(ctx)
}
