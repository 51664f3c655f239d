package store_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestAWorkerThatComesBackIsANewOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	same := store.WorkerRegistration{Name: "w", Hostname: "host", Version: "1.2.3", PID: 42, Namespaces: []string{"n", "m"}, Slots: 8, Lease: time.Minute}
	first, err := w.RegisterWorker(t.Context(), same)
	require.NoError(t, err)
	second, err := w.RegisterWorker(t.Context(), same)
	require.NoError(t, err)
	require.Greater(t, second, first)
	require.Equal(t, 2, w.db.Count(t, `select count(*) from tasker.workers where name = 'w' and hostname = 'host' and version = '1.2.3' and pid = 42
		and namespaces = '{n,m}' and slots = 8 and busy = 0 and stopped_at is null
		and lease_until between clock_timestamp() + interval '50 seconds' and clock_timestamp() + interval '60 seconds'`))
}

func TestAHeartbeatExtendsTheLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.worker(t, 8)
	w.db.Exec(t, `update tasker.workers set lease_until = clock_timestamp() + interval '1 second', heartbeat_at = '-infinity'`)
	require.NoError(t, w.Heartbeat(t.Context(), l.WorkerID, 3))
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.workers
		where busy = 3 and heartbeat_at > clock_timestamp() - interval '1 minute' and lease_until > clock_timestamp() + interval '59 minutes'`))
}

func TestAHeartbeatThatComesTooLateIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, w *world, l *store.Lease){
		"the lease has run out": func(t *testing.T, w *world, l *store.Lease) { w.expire(t, l.WorkerID) },
		"the worker has stopped": func(t *testing.T, w *world, l *store.Lease) {
			require.NoError(t, w.StopWorker(t.Context(), l.WorkerID))
		},
		"the worker is unknown": func(_ *testing.T, _ *world, l *store.Lease) { l.WorkerID += 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l := w.worker(t, 1)
			spoil(t, w, &l)
			require.ErrorIs(t, w.Heartbeat(t.Context(), l.WorkerID, 0), store.ErrWorkerLost)
		})
	}
}

func TestALeaseThatRanOutGoesOnUntilItIsEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Eventually(t, func() bool {
		return w.db.Count(t, "select (clock_timestamp() - pg_postmaster_start_time() > interval '1 second')::int") == 1
	}, 20*time.Second, 20*time.Millisecond, "the server is older than the lease")
	template := w.register(t, single)
	l := w.worker(t, 1)
	w.create(t, template, l)
	w.db.Exec(t, `update tasker.workers set lease_until = clock_timestamp() - interval '1 hour', lease_ms = 1000`)
	require.NoError(t, w.EndLeases(t.Context(), 999*time.Millisecond), "watched for less than a lease")
	require.NoError(t, w.BuryWorkers(t.Context()))
	lost, err := w.LostSteps(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, lost)
	w.create(t, template, store.Lease{})
	require.Empty(t, w.claim(t, l), "until it has sent a heartbeat it gets nothing")
	require.NoError(t, w.Heartbeat(t.Context(), l.WorkerID, 1))
	require.Len(t, w.claim(t, l), 1)
	require.NoError(t, w.EndLeases(t.Context(), time.Hour), "its lease has not run out")
	require.NoError(t, w.Heartbeat(t.Context(), l.WorkerID, 1))

	w.db.Exec(t, `update tasker.workers set lease_until = clock_timestamp() - interval '1 millisecond'`)
	require.NoError(t, w.EndLeases(t.Context(), time.Second))
	require.ErrorIs(t, w.Heartbeat(t.Context(), l.WorkerID, 1), store.ErrWorkerLost)
	lost, err = w.LostSteps(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, lost, 2)
}

func TestNoLeaseEndsSoonerAfterTheServersStartThanItIsLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.worker(t, 1)
	w.create(t, w.register(t, single), l)
	w.db.Exec(t, `update tasker.workers set lease_until = clock_timestamp() - interval '1 minute', lease_ms = 2000000000`)
	require.NoError(t, w.EndLeases(t.Context(), math.MaxInt64))
	lost, err := w.LostSteps(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, lost)
	require.NoError(t, w.Heartbeat(t.Context(), l.WorkerID, 1))
}

func TestStepsOfAWorkerAreLostWhenItsLeaseHasRunOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(3))
	l, alive := w.worker(t, 2), w.worker(t, 1)
	task := w.create(t, template, l)
	w.claim(t, alive)
	lost, err := w.LostSteps(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, lost)

	w.expire(t, l.WorkerID)
	lost, err = w.LostSteps(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, lost, 2)
	require.Less(t, lost[0].StepNo, lost[1].StepNo)
	for _, s := range lost {
		require.Equal(t, store.LostStep{
			TaskUUID: task, StepNo: s.StepNo, Counts: workflow.AttemptCounts{Attempt: 1}, TemplateID: template, Worker: "w",
		}, s)
	}
	few, err := w.LostSteps(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, lost[:1], few)

	for range 2 { // two who find the same ones do no harm
		applied := w.apply(t, store.Lease{}, outcome(task, lost[0].StepNo, 1, store.OutcomeCrash), outcome(task, lost[1].StepNo, 1, store.OutcomeCrash))
		require.Empty(t, applied.Stale)
	}
	lost, err = w.LostSteps(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, lost)
	require.Equal(t, 2, w.db.Count(t, "select count(*) from tasker.workflow_steps where crashes = 1 and state = 'enqueued'"))
}

func TestAWorkerWithoutStepsStopsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 1)
	task := w.create(t, template, l)
	w.apply(t, store.Lease{WorkerID: l.WorkerID}, outcome(task, 0, 1, store.OutcomeComplete))
	for range 2 {
		require.NoError(t, w.StopWorker(t.Context(), l.WorkerID))
		require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.workers where stopped_at is not null and busy = 0"))
		require.Zero(t, w.db.Count(t, "select count(*) from tasker.task_claims"))
	}
}

func TestStepsOfAWorkerThatStopsWithThemAreAnyonesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 1)
	task := w.create(t, template, l)
	require.NoError(t, w.StopWorker(t.Context(), l.WorkerID))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.workers where stopped_at is not null"))
	lost, err := w.LostSteps(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, lost, 1)
	w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeCrash))
	require.NoError(t, w.StopWorker(t.Context(), l.WorkerID))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.workers where stopped_at is not null"))
}

func TestLostWorkersAreBuriedAfterAMinuteUnlessTheyHoldSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	age := func(l store.Lease, by string) {
		w.db.Exec(t, `update tasker.workers set lease_until = clock_timestamp() - $2::text::interval, lease_ms = 0 where worker_id = $1`, l.WorkerID, by)
	}
	alive, recent, dead, holding := w.worker(t, 1), w.worker(t, 1), w.worker(t, 1), w.worker(t, 1)
	done := w.create(t, template, dead)
	w.apply(t, store.Lease{}, outcome(done, 0, 1, store.OutcomeComplete))
	held := w.create(t, template, holding)
	age(recent, "50 seconds")
	age(dead, "61 seconds")
	age(holding, "61 seconds")
	buried := func() []string {
		require.NoError(t, w.BuryWorkers(t.Context()))
		return texts[string](t, w, "select worker_id::text from tasker.workers where stopped_at is not null order by worker_id")
	}
	require.Equal(t, []string{fmt.Sprint(dead.WorkerID)}, buried())
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.task_claims"))
	w.apply(t, store.Lease{}, outcome(held, 0, 1, store.OutcomeCrash))
	require.Equal(t, []string{fmt.Sprint(dead.WorkerID), fmt.Sprint(holding.WorkerID)}, buried())
	require.NoError(t, w.Heartbeat(t.Context(), alive.WorkerID, 0))
}

func TestOfferedHandlersAreThoseOfTheCallablesAndNamespaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registerIn := func(namespace string, callables ...string) {
		s := roots(len(callables))
		_, err := w.RegisterTemplate(t.Context(), &store.Template{
			Namespace: namespace, Name: "t", Version: "1.0.0", ContentHash: "h", IdentityStrategy: "strict", Definition: []byte(`{}`),
			Steps: s.steps(func(no int) string { return callables[no] }),
		}, false)
		require.NoError(t, err)
	}
	registerIn("shop", "charge", "ship")
	registerIn("depot", "ship", "pack")
	l := w.worker(t, 1)
	for _, tt := range []struct{ callables, namespaces, want []string }{
		{nil, nil, nil},
		{[]string{"unknown"}, nil, nil},
		{[]string{"ship"}, []string{"nowhere"}, nil},
		{[]string{"ship"}, []string{"depot"}, []string{"depot ship"}},
		{[]string{"pack", "charge"}, []string{"shop"}, []string{"shop charge"}},
		{[]string{"ship", "ship", "pack"}, nil, []string{"depot pack", "depot ship", "shop ship"}},
	} {
		offered, err := w.OfferHandlers(t.Context(), l.WorkerID, tt.callables, tt.namespaces)
		require.NoError(t, err)
		var got []string
		var ids []int32
		for _, h := range offered {
			got, ids = append(got, h.Namespace+" "+h.Callable), append(ids, h.ID)
		}
		slices.Sort(got)
		require.Equal(t, tt.want, got)
		require.True(t, slices.IsSorted(ids))
		require.Equal(t, len(ids), w.db.Count(t, "select cardinality(handlers) from tasker.workers where worker_id = $1", l.WorkerID))
	}
	require.Equal(t, 4, w.db.Count(t, "select count(*) from tasker.handlers where offered_at is not null"))
}

func TestManyWorkersMayOfferTheSameHandlersAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := roots(50)
	callables := make([]string, len(s))
	for i := range callables {
		callables[i] = fmt.Sprintf("h%d", i)
	}
	_, err := w.RegisterTemplate(t.Context(), &store.Template{
		Namespace: "n", Name: "t", Version: "1.0.0", ContentHash: "h", IdentityStrategy: "strict", Definition: []byte(`{}`),
		Steps: s.steps(func(no int) string { return callables[no] }),
	}, false)
	require.NoError(t, err)
	var g errgroup.Group
	for range 8 {
		l := w.worker(t, 1)
		g.Go(func() error {
			offered, err := w.OfferHandlers(t.Context(), l.WorkerID, callables, nil)
			if err == nil && len(offered) != len(s) {
				err = fmt.Errorf("%d handlers of %d", len(offered), len(s))
			}
			return err
		})
	}
	require.NoError(t, g.Wait())
}

func TestAHandlerIsAnOrphanWhenNoneHasItThoughAWorkerServesItsNamespace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(t *testing.T, w *world, task sdk.UUID, l store.Lease)
		orphan bool
	}{
		"a worker of the namespace is there": {func(t *testing.T, w *world, _ sdk.UUID, _ store.Lease) {
			w.db.Exec(t, "update tasker.workers set namespaces = '{m,n}'")
		}, true},
		"a worker of all namespaces is there": {func(*testing.T, *world, sdk.UUID, store.Lease) {}, true},
		"only others are there": {func(t *testing.T, w *world, _ sdk.UUID, _ store.Lease) {
			w.db.Exec(t, "update tasker.workers set namespaces = '{m}'")
		}, false},
		"the worker is lost": {func(t *testing.T, w *world, _ sdk.UUID, l store.Lease) { w.expire(t, l.WorkerID) }, false},
		"the worker has stopped": {func(t *testing.T, w *world, _ sdk.UUID, l store.Lease) {
			require.NoError(t, w.StopWorker(t.Context(), l.WorkerID))
		}, false},
		"the step came just now": {func(t *testing.T, w *world, _ sdk.UUID, _ store.Lease) {
			w.db.Exec(t, "update tasker.ready_steps set ready_at = clock_timestamp()")
		}, false},
		"a worker once had it": {func(t *testing.T, w *world, _ sdk.UUID, _ store.Lease) { w.handler(t, "h") }, false},
		"no step waits for it": {func(t *testing.T, w *world, task sdk.UUID, l store.Lease) {
			require.Len(t, w.claim(t, l), 1)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			template := w.register(t, single)
			l := w.worker(t, 1)
			w.db.Exec(t, "update tasker.handlers set offered_at = null")
			task := w.create(t, template, store.Lease{})
			w.db.Exec(t, "update tasker.ready_steps set ready_at = clock_timestamp() - interval '2 minutes'")
			tt.change(t, w, task, l)
			orphans, err := w.OrphanHandlers(t.Context(), time.Minute)
			require.NoError(t, err)
			if tt.orphan {
				require.Equal(t, []store.Handler{{ID: w.handlers[0], Namespace: "n", Callable: "h"}}, orphans)
			} else {
				require.Empty(t, orphans)
			}
		})
	}
}
