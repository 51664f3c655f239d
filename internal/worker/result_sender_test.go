package worker

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// queueWorld leaves decisions to servers.
func queueWorld(t testing.TB) *world {
	t.Helper()
	return newWorld(t, 4, func(d *Dependencies) { d.Sender = NewQueueSender(d.Store, slog.New(slog.DiscardHandler)) })
}

func TestResultsAreLeftForAServer(t *testing.T) {
	t.Parallel()
	w := queueWorld(t)
	gate := newGate(w)
	task := w.create(t, w.register(t, step("a"), step("b"), step("c", "a")), 1, store.Lease{})[0]
	w.claims(t)
	gate.step(t)
	gate.step(t)
	gate.let(t, nil)
	gate.let(t, sdk.Permanent(errors.New("no"), sdk.WithCode("E1")))
	testkit.Eventually(t, func() bool { return w.db.Count(t, "select count(*) from tasker.step_results_queue") == 2 }, "no results")
	states := w.states(t, task)
	require.ElementsMatch(t, []workflow.StepState{workflow.StepEnqueuedForOrchestration, workflow.StepEnqueuedAsErrorForOrchestration}, states[:2])
	require.Equal(t, workflow.StepPending, states[2])
	taken, err := w.store.TakeResults(t.Context(), 10)
	require.NoError(t, err)
	for _, q := range taken {
		if q.From == workflow.StepEnqueuedForOrchestration {
			require.Contains(t, string(q.Result), `"step"`)
			continue
		}
		var r sdk.StepExecutionResult
		require.NoError(t, workflow.RestoreOutcome(q.Detail, &r))
		require.Equal(t, "no", r.Error.Message)
		require.Equal(t, "E1", r.Metadata.ErrorCode)
		require.Empty(t, q.Result)
	}
	testkit.Eventually(t, func() bool { return w.ledger.size() == 0 && w.slots.InUse() <= 1 }, "slots stay taken")
}

func TestWhatIsGivenBackNeedsNoServer(t *testing.T) {
	t.Parallel()
	w := queueWorld(t)
	gate := newGate(w)
	task := w.create(t, w.register(t, step("a"), step("b")), 1, store.Lease{})[0]
	stop := w.claims(t)
	gate.step(t)
	gate.step(t)
	stop()
	require.NoError(t, w.stop())
	require.Equal(t, []workflow.StepState{workflow.StepEnqueued, workflow.StepEnqueued}, w.states(t, task))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.step_results_queue"))
}

func TestABatchMayMixResultsAndWhatIsGivenBack(t *testing.T) {
	t.Parallel()
	w := queueWorld(t)
	tt := w.register(t, step("a"), step("b"), step("c"))
	task := w.create(t, tt, 1, w.Keeper.Lease(4))[0]
	sender := NewQueueSender(w.store, slog.New(slog.DiscardHandler))
	var batch []workflow.AttemptResult
	for no, r := range []*sdk.StepExecutionResult{{Success: true, Result: []byte(`{}`)}, nil, {Error: &sdk.StepExecutionError{Message: "no"}}} {
		batch = append(batch, workflow.AttemptResult{TaskUUID: task, TemplateID: tt.ID, StepNo: int32(no), Counts: workflow.AttemptCounts{Attempt: 1}, Result: r})
	}
	applied, err := sender.Send(t.Context(), batch, w.Keeper.Lease(4))
	require.NoError(t, err)
	require.Empty(t, applied.Leased, "what becomes ready is for the server to say")
	require.Empty(t, applied.Stale)
	require.Equal(t, []workflow.StepState{workflow.StepEnqueuedForOrchestration, workflow.StepEnqueued, workflow.StepEnqueuedAsErrorForOrchestration}, w.states(t, task))
	_, err = sender.Send(t.Context(), batch, w.Keeper.Lease(4)) // the answer was lost
	require.NoError(t, err)
	require.Equal(t, 2, w.db.Count(t, "select count(*) from tasker.step_results_queue"))
}
