package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// begunOutcome is one whose answer is read at the end of the test if the test did not get so far.
type begunOutcome struct {
	fd  int
	get func() (store.Applied, error)
}

// begun has an outcome on its way, as soon as a connection for that is at hand.
func (w *world) begun(ctx context.Context, t testing.TB, o store.Outcome, l store.Lease) begunOutcome {
	t.Helper()
	var f *store.Future[store.Applied]
	testkit.Eventually(t, func() bool {
		f = w.BeginOutcome(ctx, o, l)
		return f != nil
	}, "there is no connection at hand")
	get := sync.OnceValues(func() (store.Applied, error) { return f.Get(context.Background()) })
	t.Cleanup(func() { _, _ = get() })
	return begunOutcome{f.FD(), get}
}

// begin is apply for single outcomes that are begun. Where there are several, each is.
func (w *world) begin(t testing.TB, l store.Lease, outcomes ...store.Outcome) (all store.Applied) {
	t.Helper()
	for _, o := range outcomes {
		got, err := w.begun(t.Context(), t, o, l).get()
		require.NoError(t, err)
		all.Leased, all.Ended = append(all.Leased, got.Leased...), append(all.Ended, got.Ended...)
		all.States, all.Again = append(all.States, got.States...), got.Again
	}
	return all
}

func TestABegunOutcomeIsAppliedBeforeAnybodyAsksForTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	f := w.begun(t.Context(), t, outcome(task, 0, 1, store.OutcomeComplete), l)
	require.True(t, testkit.Readable(t, f.fd, time.Minute))
	require.Equal(t, workflow.StepComplete, w.step(t, task, 0).State)
	require.Nil(t, w.BeginOutcome(t.Context(), outcome(task, 1, 1, store.OutcomeComplete), l), "one answer at a time")

	applied, err := f.get()
	require.NoError(t, err)
	require.Equal(t, []workflow.StepState{workflow.StepComplete}, applied.States)
	require.Equal(t, "step_1", applied.Leased[0].Name)
	require.False(t, testkit.Readable(t, f.fd, 0))

	again, err := w.begun(t.Context(), t, outcome(task, 0, 1, store.OutcomeComplete), l).get()
	require.NoError(t, err)
	require.True(t, again.Again)
	stale, err := w.begun(t.Context(), t, outcome(task, 0, 7, store.OutcomeComplete), l).get()
	require.NoError(t, err)
	require.Equal(t, []int{0}, stale.Stale)
}

func TestWhatCannotBeSentWithoutWaitingIsNotBegun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	plain := outcome(task, 0, 1, store.OutcomeComplete)
	large, retried := plain, outcome(task, 0, 1, store.OutcomeRetry)
	large.Result = []byte(`"` + strings.Repeat("x", 8<<10) + `"`)
	f := w.begun(t.Context(), t, outcome(task, 0, 9, store.OutcomeComplete), l) // there is a connection now
	_, err := f.get()
	require.NoError(t, err)
	require.Nil(t, w.BeginOutcome(t.Context(), large, l), "a socket may not take it at once")
	require.Nil(t, w.BeginOutcome(t.Context(), retried, l), "it needs another statement")
	done, cancel := context.WithCancel(t.Context())
	cancel()
	require.Nil(t, w.BeginOutcome(done, plain, l), "it is given up already")

	few, err := store.Open(t.Context(), w.db.DSN(), store.Options{EngineConnections: 3})
	require.NoError(t, err)
	defer few.Close()
	pooled, err := store.Open(t.Context(), w.db.DSN(), store.Options{TransactionPooler: true})
	require.NoError(t, err)
	defer pooled.Close()
	for range 3 {
		require.Nil(t, few.BeginOutcome(t.Context(), plain, l), "the others need the connections")
		require.Nil(t, pooled.BeginOutcome(t.Context(), plain, l), "no statement is kept")
	}
}

// held locks the steps of a task until release.
func (w *world) held(t testing.TB, task sdk.UUID) (release func()) {
	t.Helper()
	tx, err := w.db.Pool(t).Begin(t.Context())
	require.NoError(t, err)
	release = sync.OnceFunc(func() { require.NoError(t, tx.Rollback(context.Background())) })
	t.Cleanup(release)
	_, err = tx.Exec(t.Context(), `select from tasker.workflow_steps where task_uuid = $1 for update`, task)
	require.NoError(t, err)
	return release
}

func TestABegunOutcomeWhoseConnectionEndsCanBeAppliedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	release := w.held(t, task)
	first := outcome(task, 0, 1, store.OutcomeComplete)
	begun := w.begun(t.Context(), t, first, l)
	const ours = `from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
	testkit.Eventually(t, func() bool { return w.db.Count(t, `select count(*) `+ours) == 1 }, "the statement does not wait")
	w.db.Exec(t, `select pg_terminate_backend(pid, 60000) `+ours)
	release()
	_, err := begun.get()
	require.Equal(t, store.RemedyReconnect, store.Classify(err), "%v", err)

	require.Len(t, w.apply(t, l, first).Leased, 1)
	_, err = w.begun(t.Context(), t, outcome(task, 1, 1, store.OutcomeComplete), l).get()
	require.NoError(t, err, "there is another connection")
	require.Equal(t, workflow.StepComplete, w.step(t, task, 1).State)
}

func TestABegunOutcomeIsGivenUpWhenItsContextIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.held(t, task)
	ctx, cancel := context.WithCancel(t.Context())
	begun := w.begun(ctx, t, outcome(task, 0, 1, store.OutcomeComplete), l)
	require.False(t, testkit.Readable(t, begun.fd, 50*time.Millisecond), "it waits for a lock")
	cancel()
	_, err := begun.get()
	require.ErrorIs(t, err, context.Canceled)
}

func TestAStoreThatIsNotUsedHoldsNoConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	_, err := w.begun(t.Context(), t, outcome(task, 0, 1, store.OutcomeComplete), l).get()
	require.NoError(t, err)
	require.EqualValues(t, 1, w.Held())
	testkit.Eventually(t, func() bool { return w.Held() == 0 }, "the connection is kept")
}

// With TLS, what is on the socket is not yet an answer.
func TestConnectionsThatCannotBeWatchedAreAskedForOnce(t *testing.T) {
	t.Parallel()
	pool, lane, err := store.LaneOf(t.Context(), newWorld(t).DSN())
	require.NoError(t, err)
	defer pool.Close()
	defer lane.Close()
	for range 10 {
		require.False(t, lane.Sends(t.Context()))
		testkit.Eventually(t, func() bool { return !lane.Tries() }, "the lane does not come to an end")
	}
	require.EqualValues(t, 1, pool.Stat().AcquireCount())
}
