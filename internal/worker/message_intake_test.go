package worker

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/transport/pgmq"
)

const queue = "worker_n_queue"

func newMessageWorld(t testing.TB, slots int, change ...func(*Dependencies)) *world {
	t.Helper()
	w := newWorld(t, slots, append(change, func(d *Dependencies) { d.Messages = true })...)
	require.NoError(t, store.UsePgmq(t.Context(), w.db.DSN()))
	return w
}

// single is the notification of one message.
func single(id int64) string {
	return fmt.Sprintf(`{"event_type": "message_ready", "queue_name": %q, "namespace": "n", "msg_id": %d}`, queue, id)
}

func batch(namespace string) string {
	return fmt.Sprintf(`{"event_type": "batch_ready", "queue_name": "worker_%s_queue", "namespace": %[1]q, "msg_ids": [1, 2], "message_count": 2}`, namespace)
}

func TestAWorkerRunsWhatMessagesTellOf(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t, 5) // without news the queues are looked at once an hour
	gate := newGate(w)
	tt := w.register(t, step("a"), step("b", "a"))
	w.claims(t)
	tasks := w.create(t, tt, 5, store.Lease{})
	w.Claimer.Hear(batch("n"))
	for range 5 {
		require.Equal(t, "a", gate.step(t).StepName())
	}
	for range 5 {
		gate.let(t, nil)
	}
	for range 5 {
		require.Equal(t, "b", gate.step(t).StepName())
		gate.let(t, nil)
	}
	w.completes(t, tasks...)
	require.Equal(t, 5, w.db.Count(t, "select total_messages from pgmq.metrics($1)", queue), "of a step that is handed over nobody could read")
	require.Zero(t, w.db.Count(t, "select count(*) from pgmq.q_worker_n_queue"))
}

// TestNewsOfOneMessageLeadsStraightToIt claims by hand: a claim that no news led to would look into all queues.
func TestNewsOfOneMessageLeadsStraightToIt(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t, 3)
	gate := newGate(w)
	tt := w.register(t, step("a"))
	claim := func() {
		_, err := w.Claimer.claim(t.Context())
		require.NoError(t, err)
	}
	claim() // so does the first one
	tasks := w.create(t, tt, 2, store.Lease{})
	w.Claimer.Hear(single(2))
	claim()
	require.Equal(t, tasks[1], gate.step(t).TaskUUID())
	gate.let(t, nil)
	w.completes(t, tasks[1])
	require.Equal(t, 1, w.db.Count(t, "select msg_id from pgmq.q_worker_n_queue"), "the other is left")
	w.Claimer.Hear(single(2)) // it is gone
	w.Claimer.Hear(single(1))
	claim()
	require.Equal(t, tasks[0], gate.step(t).TaskUUID())
	gate.let(t, nil)
	w.completes(t, tasks...)
}

func TestQueuesAreLookedAtWithoutNews(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t, 2, func(d *Dependencies) { d.PollInterval = 10 * time.Millisecond })
	gate := newGate(w)
	tt := w.register(t, step("a"))
	w.claims(t)
	tasks := w.create(t, tt, 3, store.Lease{})
	for range tasks {
		gate.step(t)
		gate.let(t, nil)
	}
	w.completes(t, tasks...)
}

func TestNewsOfOthersIsNoneForTheWorker(t *testing.T) {
	t.Parallel()
	i := &messageIntake{served: func() []string { return []string{queue, "worker_m_queue"} }, all: time.Hour, looked: time.Now()}
	for _, payload := range []string{"", "no JSON", `{"namespace": "orchestration", "queue_name": "orchestration_step_results", "event_type": "batch_ready"}`} {
		require.False(t, i.hear(payload), payload)
	}
	look := func() (int64, []string) {
		event, queues := i.pending()
		if event == nil {
			return 0, queues
		}
		return event.MsgID, queues
	}
	_, queues := look()
	require.Equal(t, []string{queue, "worker_m_queue"}, queues, "without any news all are looked at")

	require.True(t, i.hear(batch("x")))
	_, queues = look()
	require.Empty(t, queues, "a namespace that is not served")
	require.True(t, i.hear(batch("m")))
	_, queues = look()
	require.Equal(t, []string{"worker_m_queue"}, queues)

	require.True(t, i.hear(single(7)))
	id, queues := look()
	require.EqualValues(t, 7, id)
	require.Empty(t, queues)
	require.True(t, i.hear(single(7)))
	require.True(t, i.hear(single(8)))
	id, queues = look()
	require.Zero(t, id, "of several it is quicker to look")
	require.Equal(t, []string{queue}, queues)
	require.True(t, i.hear(batch("m")))
	require.True(t, i.hear(single(9)))
	id, queues = look()
	require.Zero(t, id)
	require.Equal(t, []string{"worker_m_queue", queue}, queues)

	i.looked = time.Now().Add(-2 * time.Hour)
	require.True(t, i.hear(batch("m")))
	_, queues = look()
	require.Equal(t, []string{queue, "worker_m_queue"}, queues, "news of one queue must not keep from the others")
}

func TestCommandsThatNameMessagesReachTheExecutor(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t, 3)
	gate := newGate(w)
	tt := w.register(t, step("a"))
	tasks := w.create(t, tt, 3, store.Lease{})
	commands := NewActorCommandProcessor(w.WorkerActorRegistry)
	require.NoError(t, w.slots.Acquire(t.Context()))
	answer, err := commands.HandleCommand(t.Context(), ExecuteStepFromEventMessage{Event: pgmq.MessageReadyEvent{QueueName: queue, MsgID: 2}, Lease: w.Keeper.Lease(1)})
	require.NoError(t, err)
	require.Equal(t, Taken{Started: 1}, answer)
	require.Equal(t, tasks[1], gate.step(t).TaskUUID())
	require.Equal(t, 1, w.slots.TryAcquire(1))
	answer, err = commands.HandleCommand(t.Context(), ExecuteStepFromPgmqMessage{QueueName: queue, Lease: w.Keeper.Lease(1)})
	require.NoError(t, err)
	require.Equal(t, Taken{Started: 1, More: true}, answer)
	require.Equal(t, tasks[0], gate.step(t).TaskUUID())
	_, err = actor.Ask(t.Context(), w.StepExecutorActor.HandleExecuteStepFromPgmq, ExecuteStepFromPgmqMessage{QueueName: "worker_missing_queue", Lease: w.Keeper.Lease(1)})
	require.ErrorContains(t, err, "claim steps from queue worker_missing_queue")
	gate.let(t, nil)
	gate.let(t, nil)
	w.completes(t, tasks[:2]...)
}
