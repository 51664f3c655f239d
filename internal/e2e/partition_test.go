package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStepsOfACommitThatWentUnansweredAreRun(t *testing.T) {
	t.Parallel()
	for try := 1; !commitUnanswered(t); try++ {
		require.Less(t, try, 5, "no claim was held up for long enough to matter")
	}
}

// commitUnanswered has a worker run a step of a claim that was committed after the worker had come back from a cut. It returns
// false if the server has given the claim up before that, as it does after the time for a statement.
func commitUnanswered(t *testing.T) bool {
	t.Helper()
	w := newWorld(t)
	w.register(t, "linear", linear(2)...)
	front := w.node(t, role{})
	way := w.proxy(t)
	// The lock holds the claim up, which the cut then leaves alone: it commits after its worker has come back.
	task := w.submit(t, front, "linear", nil)
	tx, err := w.db.Pool(t).Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(t.Context(), `select from tasker.workflow_steps where task_uuid = $1 for update`, task)
	require.NoError(t, err)
	const heldUp = `select count(*) from pg_stat_activity where datname = current_database() and query like '/* tasker:claim_steps%' and wait_event_type = 'Lock'`
	w.worker(t, "worker", role{DSN: way.dsn, LockTimeout: 5 * time.Second}) // as long as a statement may take
	w.eventually(t, patience, 1, heldUp)
	way.cut()
	<-time.After(300 * time.Millisecond) // the cut itself: the driver's request to cancel the claim is lost as well
	var reopened time.Time
	require.NoError(t, tx.QueryRow(t.Context(), `select clock_timestamp()`).Scan(&reopened))
	way.reopen(t)
	w.eventually(t, patience, 1, `select least(count(*), 1) from pg_stat_activity where datname = current_database()
		and query like '/* tasker:claim_steps%' and state = 'idle' and backend_start > $1`, reopened)
	if w.db.Count(t, heldUp) == 0 {
		return false
	}
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, "complete", w.taskState(t, task))
	require.Equal(t, 1, w.step(t, task, "s1").Attempt)
	w.requireIntact(t)
	return true
}

func TestAStepThatAReturnedWorkerWentOnWithIsRecoveredWhenItDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.registerShapes(t)
	front := w.node(t, role{})
	way := w.proxy(t)
	worker := w.worker(t, "worker", role{DSN: way.dsn, Slots: 100, Lease: shortLease, Sweep: 5 * time.Second})
	const tasks = 60
	for n := range tasks { // they end one after the other, from before the cut is over until after
		w.submit(t, front, "linear", map[string]conduct{"s1": {MS: 1200 + 40*n, Stubborn: true}, "s2": {MS: 2500}})
	}
	require.Eventually(t, func() bool { return w.seen(t, "s1", "start") >= tasks }, patience, tick)
	require.NoError(t, front.stop(t.Context())) // nobody else is there to take the steps back
	way.cut()
	<-time.After(2 * time.Second) // the cut itself: longer than the lease
	way.reopen(t)
	w.eventually(t, patience, 1, `select least(count(*), 1) from tasker.workflow_steps where name = 's2' and state = 'in_progress'`)
	w.requireIntact(t)
	worker.kill(t)
	w.worker(t, "heir", role{Slots: 100})
	w.settled(t, patience)
	w.requireNothingLost(t)
	w.requireIntact(t)
}
