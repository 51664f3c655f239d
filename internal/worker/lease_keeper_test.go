package worker

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// keptWorld is a world whose lease is short enough to lose it.
func keptWorld(t testing.TB, lease time.Duration) *world {
	t.Helper()
	return newWorld(t, 4, func(d *Dependencies) { d.Registration.Lease = lease })
}

func (w *world) heartbeats(t testing.TB) func() bool {
	t.Helper()
	var before time.Time
	seen := 0
	return func() bool {
		var at time.Time
		require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), "select heartbeat_at from tasker.workers where worker_id = $1", w.Keeper.WorkerID()).Scan(&at))
		if !at.Equal(before) {
			before, seen = at, seen+1
		}
		return seen > 3
	}
}

func TestHeartbeatsKeepTheLease(t *testing.T) {
	t.Parallel()
	w := keptWorld(t, time.Hour)
	w.register(t, step("a"))
	w.Keeper.registration.Lease = 2 * time.Second // it beats as for this; in the database it has an hour
	id := w.Keeper.WorkerID()
	require.NoError(t, w.slots.Acquire(t.Context()))
	run(t, w.Keeper.Run)
	testkit.Eventually(t, w.heartbeats(t), "no heartbeats")
	require.Equal(t, 1, w.db.Count(t, "select busy from tasker.workers where worker_id = $1", w.Keeper.WorkerID()))
	w.slots.Release(1)
	require.Equal(t, id, w.Keeper.WorkerID())
	testkit.Eventually(t, w.Keeper.Trusted, "the lease is not trusted")
}

func TestALostLeaseCancelsTheStepsAndComesBackUnderANewIdentity(t *testing.T) {
	t.Parallel()
	w := keptWorld(t, time.Hour)
	w.Keeper.registration.Lease = 4 * time.Second // beats once a second; losing it takes no longer than a beat
	gate := newGate(w)
	tt := w.register(t, step("a"))
	task := w.create(t, tt, 1, store.Lease{})[0]
	w.claims(t)
	gate.step(t)
	old := w.Keeper.WorkerID()
	w.db.Exec(t, "update tasker.workers set lease_until = clock_timestamp() - interval '1 second', lease_ms = 0 where worker_id = $1", old)
	run(t, w.Keeper.Run)
	testkit.Eventually(t, func() bool { return w.Keeper.WorkerID() != old }, "it does not come back")
	require.True(t, w.Keeper.Trusted())
	require.Equal(t, 2, w.db.Count(t, "select count(*) from tasker.workers where name = 'w'"))
	w.logs.Await(t, "it goes on as a new worker")

	// The handler was told, and its attempt, which nobody else has taken yet, is given back unused.
	testkit.Eventually(t, func() bool {
		return w.db.Count(t, "select count(*) from tasker.workflow_steps where state <> 'in_progress'") == 1
	}, "it runs on")
	w.Claimer.Hint()
	again := gate.step(t) // under the new identity
	require.Equal(t, task, again.TaskUUID())
	require.Equal(t, 1, again.Attempt())
	gate.let(t, nil)
	w.completes(t, task)
}

func TestTrustEndsBeforeTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := NewLeaseKeeper(nil, store.WorkerRegistration{Lease: 10 * time.Second}, nil, nil, nil, slog.New(slog.DiscardHandler))
		handlers := []int32{1, 2}
		k.handlers.Store(&handlers)
		k.workerID.Store(42)
		require.False(t, k.Trusted())
		require.Equal(t, store.Lease{WorkerID: 42}, k.Lease(5))

		asked := time.Now()
		time.Sleep(3 * time.Second) // the answer took its time; the lease counts from the question
		k.trust(asked)
		require.Equal(t, store.Lease{WorkerID: 42, Handlers: handlers, Budget: 5}, k.Lease(5))
		time.Sleep(6*time.Second - time.Nanosecond)
		require.True(t, k.Trusted())
		time.Sleep(time.Nanosecond)
		require.False(t, k.Trusted())
		require.Equal(t, store.Lease{WorkerID: 42}, k.Lease(5))
		k.trust(time.Now())
		require.True(t, k.Trusted())
	})
}

func TestABeatThatComesBeforeAnybodySawTheLeaseRunOutTellsOfIt(t *testing.T) {
	t.Parallel()
	w := keptWorld(t, time.Hour)
	w.register(t, step("a"))
	var told []error
	w.Keeper.lost = func(cause error) { told = append(told, cause) }
	w.db.Exec(t, "alter table tasker.workers rename to gone")
	require.True(t, w.Keeper.look(t.Context(), true, true), "one beat that fails is no loss")
	w.Keeper.trust(time.Now().Add(-time.Hour))
	require.False(t, w.Keeper.look(t.Context(), true, true))
	require.False(t, w.Keeper.look(t.Context(), false, true))
	require.Equal(t, []error{dispatch.ErrLeaseLost}, told)
	w.db.Exec(t, "alter table tasker.gone rename to workers")
	require.True(t, w.Keeper.look(t.Context(), false, true))
}

func TestAWorkerThatCannotReachTheDatabaseStopsTrustingItsLease(t *testing.T) {
	t.Parallel()
	w := keptWorld(t, time.Hour)
	gate := newGate(w)
	tt := w.register(t, step("a"))
	w.create(t, tt, 1, store.Lease{})
	w.claims(t)
	gate.step(t)
	w.Keeper.registration.Lease = 2 * time.Second
	w.Keeper.trust(time.Now())
	var told atomic.Int32
	lost := w.Keeper.lost
	w.Keeper.lost = func(cause error) {
		if errors.Is(cause, dispatch.ErrLeaseLost) {
			told.Add(1)
		}
		lost(cause)
	}
	w.db.Exec(t, "alter table tasker.workers rename to gone")
	stop := run(t, w.Keeper.Run)
	testkit.Eventually(t, func() bool { return told.Load() == 1 }, "nobody is told")
	require.False(t, w.Keeper.Trusted())
	require.Zero(t, w.Keeper.Lease(4).Budget)
	w.logs.Await(t, "heartbeat failed")

	w.db.Exec(t, "alter table tasker.gone rename to workers")
	testkit.Eventually(t, w.Keeper.Trusted, "it does not come back")
	require.EqualValues(t, 1, told.Load())
	stop()
	w.db.Exec(t, "update tasker.workers set lease_until = clock_timestamp() + interval '1 hour'")
}

func TestAKeeperFindsTheHandlersOfNewTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, func(d *Dependencies) { d.Registration.Namespaces = []string{"n"} })
	w.register(t, step("a"))
	require.Len(t, w.Keeper.Lease(1).Handlers, 1)
	more := step("b")
	more.Handler.Callable = "other"
	unknown := step("c")
	unknown.Handler.Callable = "not served"
	for _, namespace := range []string{"n", "elsewhere"} {
		_, err := w.catalog.Register(t.Context(), template.New(namespace, "new", "1.0.0", more, unknown), false)
		require.NoError(t, err)
	}
	require.NoError(t, w.Keeper.RefreshHandlers(t.Context()))
	served := w.Keeper.Lease(1).Handlers
	require.Len(t, served, 2)
	for _, id := range served {
		require.True(t, w.Keeper.Serves(id))
	}
	require.False(t, w.Keeper.Serves(served[1]+1000))
	require.Equal(t, 2, w.db.Count(t, "select cardinality(handlers) from tasker.workers where worker_id = $1", w.Keeper.WorkerID()))
}

func TestAWorkerWithoutHandlersServesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, func(d *Dependencies) { d.Handlers = nil })
	tt := w.register(t, step("a"))
	require.NoError(t, w.Keeper.RefreshHandlers(t.Context()))
	require.False(t, w.Keeper.Serves(1))
	require.Equal(t, store.Lease{WorkerID: w.Keeper.WorkerID()}, w.Keeper.Lease(3))
	w.create(t, tt, 1, store.Lease{})
	more, err := w.Claimer.claim(t.Context())
	require.NoError(t, err)
	require.False(t, more)
	require.Zero(t, w.slots.InUse())
}

func TestAWorkerThatCannotRegisterSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.db.Exec(t, "alter table tasker.workers rename to gone")
	require.ErrorContains(t, w.Keeper.Register(t.Context()), "register worker w")
	require.False(t, w.Keeper.Trusted())
	w.db.Exec(t, "alter table tasker.gone rename to workers; alter table tasker.handlers rename to gone")
	require.ErrorContains(t, w.Keeper.Register(t.Context()), "offer handlers")
	require.Zero(t, w.Keeper.WorkerID(), "a worker that knows no handlers is none")
	w.db.Exec(t, "alter table tasker.gone rename to handlers")
	require.NoError(t, w.Keeper.Register(t.Context()))
}

func TestAStoppedLeaseIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.register(t, step("a"))
	require.NoError(t, w.Keeper.Stop(t.Context()))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.workers where stopped_at is not null"))
	require.ErrorIs(t, w.store.Heartbeat(t.Context(), w.Keeper.WorkerID(), 0), store.ErrWorkerLost)
}
