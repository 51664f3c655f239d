package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
)

func TestTemplatesAndNamespacesAreListed(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	w.register(t, "depot", "restock", "2.0.0", "")
	old := w.register(t, "depot", "restock", "1.0.0", "")
	w.db.Exec(t, "update tasker.task_templates set superseded_at = now() where template_id = $1", old)

	order := store.TemplateSummary{Namespace: "shop", Name: "order", Version: "1.0.0", Description: "An order", Steps: 4}
	restock := store.TemplateSummary{Namespace: "depot", Name: "restock", Version: "2.0.0", Steps: 4}
	all, err := w.Templates(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []store.TemplateSummary{restock, order}, all)
	some, err := w.Templates(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, []store.TemplateSummary{order}, some)

	namespaces, err := w.Namespaces(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []store.NamespaceSummary{{Name: "depot", Templates: 1}, {Name: "shop", Templates: 1}}, namespaces)
	namespaces, err = w.Namespaces(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, []store.NamespaceSummary{{Name: "shop", Templates: 1}}, namespaces)
}

func TestWorkersAreListedWithTheirState(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	lost, err := w.RegisterWorker(t.Context(), store.WorkerRegistration{Name: "w2", Slots: 1, Lease: time.Minute})
	require.NoError(t, err)
	w.db.Exec(t, "update tasker.workers set lease_until = now() - interval '1 second', lease_ms = 0 where worker_id = $1", lost)
	stopped, err := w.RegisterWorker(t.Context(), store.WorkerRegistration{Name: "w3", Slots: 1, Lease: time.Minute})
	require.NoError(t, err)
	require.NoError(t, w.StopWorker(t.Context(), stopped))
	require.NoError(t, w.Heartbeat(t.Context(), w.worker, 3))

	states := func(withStopped bool) map[string]store.WorkerState {
		workers, err := w.Workers(t.Context(), withStopped)
		require.NoError(t, err)
		states := map[string]store.WorkerState{}
		for _, worker := range workers {
			states[worker.Name] = worker.State
		}
		return states
	}
	require.Equal(t, map[string]store.WorkerState{"w1": store.WorkerLive, "w2": store.WorkerLost}, states(false))
	require.Equal(t, map[string]store.WorkerState{"w1": store.WorkerLive, "w2": store.WorkerLost, "w3": store.WorkerStopped}, states(true))

	workers, err := w.Workers(t.Context(), false)
	require.NoError(t, err)
	first := workers[0]
	require.True(t, first.LeaseUntil.After(first.HeartbeatAt) && !first.HeartbeatAt.Before(first.StartedAt))
	first.StartedAt, first.HeartbeatAt, first.LeaseUntil = time.Time{}, time.Time{}, time.Time{}
	require.Equal(t, store.WorkerView{
		ID: w.worker, Name: "w1", Hostname: "host", Version: "1.2.3", PID: 42, Namespaces: []string{"shop"}, Slots: 10, Busy: 3,
		State: store.WorkerLive,
	}, first)
}

func TestAQueueSaysWhyItWaits(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	queue := func() store.QueueView {
		queues, err := w.Queues(t.Context())
		require.NoError(t, err)
		require.Len(t, queues, 1)
		return queues[0]
	}
	before := w.clock(t)
	w.create(t, nil)
	w.create(t, nil)
	q := queue()
	require.True(t, q.Oldest.After(before) && q.Oldest.Before(w.clock(t)))
	q.Oldest = time.Time{}
	require.Equal(t, store.QueueView{Namespace: "shop", Callable: "shop.validate", Ready: 2, Workers: 1, Slots: 10, Offered: true}, q)
	require.Empty(t, q.Reason())

	require.NoError(t, w.Heartbeat(t.Context(), w.worker, 10))
	q = queue()
	require.Equal(t, "all 10 slots of the live workers are busy", q.Reason())

	w.db.Exec(t, "update tasker.workers set handlers = '{}'")
	q = queue()
	require.Equal(t, `no live worker offers handler "shop.validate" in namespace "shop"`, q.Reason())

	w.db.Exec(t, "update tasker.workers set handlers = array(select handler_id from tasker.handlers), stopped_at = now()")
	q = queue()
	require.Equal(t, `no live worker offers handler "shop.validate" in namespace "shop"`, q.Reason(), "one that has stopped does not count")

	w.db.Exec(t, "update tasker.handlers set offered_at = null")
	q = queue()
	require.Equal(t, `no worker has ever offered handler "shop.validate" in namespace "shop"`, q.Reason())
}
