package e2e

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

// underLoad keeps clients submitting to the server for as long as the trouble lasts, and returns how many requests were
// refused.
func (w *world) underLoad(t testing.TB, to submitter, trouble func()) (refused int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := len(w.acknowledged(t))
	done := make(chan struct{})
	go func() {
		defer close(done)
		refused = w.submitMany(ctx, to, 4, 1<<30, func(n int) sdk.TaskRequest {
			<-time.After(50 * time.Millisecond)
			return mixed(5)(n)
		})
	}()
	require.Eventually(t, func() bool { return len(w.acknowledged(t)) > before+20 }, patience, tick)
	trouble()
	cancel()
	<-done
	return refused
}

// killBackend kills the process behind one connection, which makes the whole server recover. It may be gone already.
func (w *world) killBackend(t testing.TB) bool {
	t.Helper()
	pid, err := w.count(t.Context(), t, `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1`)
	return err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil
}

// resumedAfter is the time from up until the first handler ran.
func (w *world) resumedAfter(t testing.TB, up time.Time) time.Duration {
	t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		for _, e := range w.effects(t) {
			if e.Kind == "start" && e.At.After(up) {
				return e.At.Sub(up)
			}
		}
		<-time.After(tick)
	}
	require.FailNow(t, "work does not go on")
	return 0
}

func TestACrashOfTheDatabaseUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	w := newWorldOn(t, cluster.NewDB(t))
	w.registerShapes(t)
	server := w.server(t, "server", role{})
	w.worker(t, "w1", role{Slots: 10, Lease: time.Minute})
	w.worker(t, "w2", role{Slots: 10, Lease: time.Minute})
	var resumed []time.Duration
	for range 3 {
		refused := w.underLoad(t, server, func() {
			cluster.StopImmediate(t)
			cluster.Start(t)
			resumed = append(resumed, w.resumedAfter(t, time.Now()))
			t.Logf("work went on %s after the database was up", resumed[len(resumed)-1])
		})
		t.Logf("%d requests refused", refused)
	}
	require.Less(t, slices.Min(resumed), 2*time.Second, "late each time")
	w.settled(t, patience)
	w.requireNothingLost(t)
	w.requireNoStep(t, `s.state <> 'complete' or s.attempt > 1`, "a step failed or was lost because the database was away")
	w.requireIntact(t)
	w.requireOnce(t)
}

func TestConnectionsThatAreAllCutUnderLoadLoseNothing(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	w := newWorldOn(t, cluster.NewDB(t))
	w.registerShapes(t)
	server := w.server(t, "server", role{})
	w.worker(t, "w1", role{Slots: 10, Lease: time.Minute})
	w.worker(t, "w2", role{Slots: 10, Lease: time.Minute})
	w.underLoad(t, server, func() {
		for range 5 {
			cluster.TerminateBackends(t)
			w.resumedAfter(t, time.Now())
		}
		require.Eventually(t, func() bool { return w.killBackend(t) }, patience, tick)
		t.Logf("work went on %s after a backend was killed, the recovery of the database included", w.resumedAfter(t, time.Now()))
	})
	w.settled(t, patience)
	w.requireNothingLost(t)
	w.requireNoStep(t, `s.state <> 'complete' or s.attempt > 1`, "a step failed or was lost because a connection was")
	w.requireIntact(t)
	w.requireOnce(t)
}

func TestResultsAreKeptWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	w := newWorldOn(t, cluster.NewDB(t))
	w.register(t, "linear", linear(2)...)
	server := w.server(t, "server", role{})
	w.worker(t, "worker", role{Slots: 30, Lease: time.Minute})
	for range 20 {
		w.submit(t, server, "linear", map[string]conduct{"s1": {MS: 1500}})
	}
	require.Eventually(t, func() bool { return w.seen(t, "s1", "start") == 20 }, patience, tick)
	cluster.StopImmediate(t)
	require.Eventually(t, func() bool { return w.seen(t, "s1", "end") == 20 }, patience, tick, "handlers do not finish without the database")
	refused := make(chan int)
	go func() {
		refused <- w.submitMany(t.Context(), server, 5, 5, func(int) sdk.TaskRequest { return request("linear", nil) })
	}()
	cluster.Start(t)
	t.Logf("of 5 tasks that were submitted while the database was away, %d were refused", <-refused)
	w.settled(t, patience)
	w.requireNoStep(t, `s.state <> 'complete' or s.attempt > 1`, "a result was not kept")
	w.requireNothingLost(t)
	w.requireIntact(t)
	w.requireOnce(t)
}

func TestAnOutageLongerThanTheLeaseFailsNoStep(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	w := newWorldOn(t, cluster.NewDB(t))
	only := linear(3)
	only[0] = retried(1, only[0])
	for i := range only {
		only[i].Retry.MaxCrashes = 99
	}
	w.register(t, "once", only...)
	server := w.server(t, "server", role{})
	w.worker(t, "worker", role{Slots: 60, Lease: 1500 * time.Millisecond})
	for n := range 30 {
		w.submit(t, server, "once", map[string]conduct{"s1": {MS: 900, Stubborn: n%2 == 0}, "s2": {MS: 1000}})
	}
	require.Eventually(t, func() bool { return w.seen(t, "s1", "start") >= 30 }, patience, tick)
	cluster.StopImmediate(t)
	<-time.After(2500 * time.Millisecond) // the outage itself: longer than the lease
	cluster.Start(t)
	w.settled(t, patience)
	w.requireNoStep(t, `s.state <> 'complete' or s.attempt - s.crashes - s.forgiven > 1`, "a step failed because the database was away")
	w.requireNothingLost(t)
	w.requireIntact(t)
}
