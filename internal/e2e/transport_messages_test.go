package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/transport/pgmq"
	"github.com/tasker-systems/tasker-go/sdk"
)

// ask makes a request by the queue, if the transport has one, else by the API.
func (w *world) ask(t *testing.T, on transport, front submitter, id string, r sdk.TaskRequest) {
	t.Helper()
	if on.name != "pgmq" {
		_, err := w.trySubmit(t.Context(), front, r)
		require.NoError(t, err)
		return
	}
	raw, err := json.Marshal(pgmq.TaskRequestMessage{RequestID: id, TaskRequest: r})
	require.NoError(t, err)
	w.db.Exec(t, "select tasker.pgmq_send_with_notify($1, $2)", store.TaskRequestsQueue, raw)
}

func TestRequestsMakeTasksOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, on transport) {
		w.registerShapes(t)
		front := w.node(t, role{})
		w.worker(t, "worker", role{Slots: 8})
		for n := range 8 {
			w.ask(t, on, front, fmt.Sprint(n), mixed(0)(n))
		}
		keyed := request("linear", nil)
		keyed.IdempotencyKey = "once"
		for n := range 3 {
			w.ask(t, on, front, fmt.Sprint("keyed ", n), keyed)
		}
		w.eventually(t, patience, 9, "select count(*) from tasker.tasks")
		w.settled(t, patience)
		require.Equal(t, 9, w.db.Count(t, "select count(*) from tasker.tasks where state = 'complete'"))
	})
}

// A crash of the database takes all messages about rows. The rows are there, and what they tell is sent again.
func TestACrashOfTheDatabaseTakesMessagesAndNoWork(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	w := newWorldOn(t, cluster.NewDB(t))
	w.transport = "pgmq"
	w.registerShapes(t)
	front := w.node(t, role{Queued: true})
	for n := range 12 {
		w.submit(t, front, shapes[n%len(shapes)], nil)
	}
	const told = "select count(*) from pgmq.q_worker_e2e_queue"
	require.Equal(t, 12, w.db.Count(t, told))
	cluster.StopImmediate(t)
	cluster.Start(t)
	w.eventually(t, patience, 12, "select count(*) from tasker.ready_steps where ready_id > 12") // queued anew
	w.eventually(t, patience, 12, told)
	w.worker(t, "worker", role{Slots: 4, Queued: true})
	w.settled(t, patience)
	w.requireNothingLost(t)
	w.requireOnce(t)
	w.requireIntact(t)
}
