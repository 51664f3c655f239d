package e2e

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testdb"
)

func TestI7_AWorkerThatIsToldToStopLeavesNoLeaseAndLosesNoResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.registerShapes(t)
	front := w.node(t, role{})
	for round := range 5 { // each has more tasks than are done before it ends
		w.submitMany(t.Context(), front, 4, 150, mixed(3))
		worker := w.worker(t, "worker", role{Slots: 40, Grace: 5 * time.Second})
		open := w.db.Count(t, openTasks)
		w.eventually(t, patience, 1, `select ((`+openTasks+`) < $1)::int`, max(open-80, 1))
		told := time.Now()
		worker.signal(t, syscall.SIGTERM)
		require.Equal(t, 0, worker.wait(t, patience))
		t.Logf("round %d: stopped in %s", round, time.Since(told))
		require.Zero(t, w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'in_progress'`), "a lease was left behind")
		w.requireIntact(t)
	}
	w.worker(t, "worker", role{Slots: 40})
	w.settled(t, patience)
	w.requireNothingLost(t)
	w.requireOnce(t)
	w.requireNoStep(t, `s.attempt - s.forgiven <> 1`, "a stop used up an attempt")
}

func TestAWorkerWhoseHandlerNeverReturnsStopsAllTheSameAndItsStepRunsElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(2)...)
	front := w.node(t, role{})
	worker := w.worker(t, "worker", role{Grace: 200 * time.Millisecond})
	task := w.submit(t, front, "linear", map[string]conduct{"s1": {MS: 3_600_000, Stubborn: true}})
	w.effectOf(t, task, "s1", "start", 1)
	told := time.Now()
	worker.signal(t, syscall.SIGTERM)
	require.Equal(t, 1, worker.wait(t, patience), "a handler that was left behind is no clean stop")
	t.Logf("stopped in %s", time.Since(told))
	require.Less(t, time.Since(told), 10*time.Second)
	require.Zero(t, w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'in_progress'`), "the step waits for the lease")

	w.worker(t, "heir", role{})
	again := w.effectOf(t, task, "s1", "start", 2)
	require.Equal(t, 1, again.Attempt, "the stop used up an attempt")
	w.requireIntact(t)
}

func TestAWorkerStopsWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	w := newWorldOn(t, cluster.NewDB(t))
	w.register(t, "linear", linear(2)...)
	server := w.server(t, "server", role{})
	worker := w.worker(t, "worker", role{Lease: shortLease, Grace: 500 * time.Millisecond})
	until := filepath.Join(w.dir, "until")
	task := w.submit(t, server, "linear", map[string]conduct{"s1": {Until: until}})
	w.effectOf(t, task, "s1", "start", 1)
	cluster.StopImmediate(t)
	let(t, until, 1)
	let(t, until, 2)
	told := time.Now()
	worker.signal(t, syscall.SIGTERM)
	require.Equal(t, 1, worker.wait(t, patience))
	t.Logf("stopped in %s", time.Since(told))
	require.Less(t, time.Since(told), 15*time.Second)
	cluster.Start(t)
	w.worker(t, "heir", role{})
	require.Equal(t, "complete", w.taskState(t, task))
	w.requireIntact(t)
}
