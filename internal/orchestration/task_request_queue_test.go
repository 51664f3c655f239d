package orchestration_test

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/transport/pgmq"
	"github.com/tasker-systems/tasker-go/sdk"
)

// newRequestWorld is a world that reads requests from a queue. What it has read is not read again by itself: see redelivered.
func newRequestWorld(t testing.TB) (*world, *orchestration.TaskRequestQueue) {
	t.Helper()
	w := newWorld(t)
	require.NoError(t, store.UsePgmq(t.Context(), w.db.DSN()))
	limits := orchestration.MessageLimits{Interval: testkit.Moment, Hide: time.Hour, MaxReads: 2, Batch: 5}
	return w, orchestration.NewTaskRequestQueue(w.store, w.TaskRequestActor, limits, slog.New(slog.NewTextHandler(w.logs, nil)))
}

func (w *world) send(t testing.TB, body string) {
	t.Helper()
	w.db.Exec(t, "select tasker.pgmq_send_with_notify($1, $2::text::jsonb)", store.TaskRequestsQueue, body)
}

func (w *world) sendRequest(t testing.TB, id string, r sdk.TaskRequest) {
	t.Helper()
	raw, err := json.Marshal(pgmq.TaskRequestMessage{RequestID: id, TaskRequest: r})
	require.NoError(t, err)
	w.send(t, string(raw))
}

// queueOfRequests counts the requests that wait, and those that were set aside.
func (w *world) queueOfRequests(t testing.TB) (waiting, archived int) {
	t.Helper()
	return w.db.Count(t, "select count(*) from pgmq.q_orchestration_task_requests"), w.db.Count(t, "select count(*) from pgmq.a_orchestration_task_requests")
}

// redelivered delivers requests again until the condition holds.
func (w *world) redelivered(t testing.TB, condition func() bool, what string) {
	t.Helper()
	testkit.Eventually(t, func() bool {
		w.db.Exec(t, "update pgmq.q_orchestration_task_requests set vt = clock_timestamp()")
		return condition()
	}, what)
}

func TestRequestsAreTakenFromTheQueueInTheirWireForm(t *testing.T) {
	t.Parallel()
	w, queue := newRequestWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	run(t, queue.Run)
	w.send(t, `{"request_id": "0199c0de-0000-7000-8000-000000000001",
		"task_request": {"name": "any", "namespace": "n", "version": "1.0.0", "context": {"a": 1}, "initiator": "me", "source_system": "there",
			"reason": "because", "tags": ["x"], "requested_at": "2026-11-22T01:02:03.4", "priority": 7, "options": {}},
		"metadata": {"requested_at": "2026-11-22T01:02:03Z", "requester": "me", "priority": "High", "custom": {"k": [1]}}}`)
	testkit.Eventually(t, func() bool { waiting, _ := w.queueOfRequests(t); return waiting == 0 }, "the request stays in the queue")
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.tasks where context = '{"a": 1}' and initiator = 'me' and source_system = 'there'
		and reason = 'because' and tags = '{x}' and priority = 7 and requested_at = '2026-11-22T01:02:03.4Z'`))
}

// A redelivered request finds the task of the first delivery, whatever the template's identity strategy is.
func TestARequestThatIsDeliveredAgainMakesNoSecondTask(t *testing.T) {
	t.Parallel()
	w, queue := newRequestWorld(t)
	w.register(t, "strict", template.IdentityStrict, step("a"))
	w.register(t, "unique", template.IdentityAlwaysUnique, step("a"))
	for range 3 {
		w.sendRequest(t, "one", requestFor("strict", `{"a": 1}`))
		w.sendRequest(t, "two", requestFor("unique", `{"a": 1}`))
	}
	w.sendRequest(t, "three", requestFor("unique", `{"a": 1}`))
	w.sendRequest(t, "", requestFor("unique", `{"a": 1}`))
	w.sendRequest(t, "", requestFor("unique", `{"a": 1}`))
	run(t, queue.Run)
	testkit.Eventually(t, func() bool { waiting, _ := w.queueOfRequests(t); return waiting == 0 }, "requests stay in the queue")
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.tasks k join tasker.task_templates t using (template_id) where t.name = 'strict'"))
	require.Equal(t, 4, w.db.Count(t, "select count(*) from tasker.tasks k join tasker.task_templates t using (template_id) where t.name = 'unique'"),
		"one for each name, and one for each message without a name")
}

func TestRequestsThatCannotBeMetAreArchived(t *testing.T) {
	t.Parallel()
	w, queue := newRequestWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	w.send(t, `{"task_request": 7}`)
	w.send(t, `"poison"`)
	w.sendRequest(t, "1", sdk.TaskRequest{Namespace: "n", Name: " ", Version: "1.0.0"})
	w.sendRequest(t, "2", requestFor("any", `{}`))
	run(t, queue.Run)
	testkit.Eventually(t, func() bool { waiting, archived := w.queueOfRequests(t); return waiting == 0 && archived == 3 }, "poison stays in the queue")
	require.Equal(t, 3, w.db.Count(t, "select count(*) from pgmq.a_orchestration_task_requests where read_ct = 1"), "no reading again repairs them")
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.tasks"))
	w.logs.Await(t, "name is required")
}

func TestARequestMayComeBeforeItsTemplate(t *testing.T) {
	t.Parallel()
	w, queue := newRequestWorld(t)
	w.sendRequest(t, "early", requestFor("late", `{}`))
	run(t, queue.Run)
	w.logs.Await(t, "a task request is tried again later")
	w.register(t, "late", template.IdentityStrict, step("a"))
	w.redelivered(t, func() bool { return w.db.Count(t, "select count(*) from tasker.tasks") == 1 }, "the request is forgotten")

	w.sendRequest(t, "never", requestFor("never", `{}`))
	w.redelivered(t, func() bool { _, archived := w.queueOfRequests(t); return archived == 1 }, "it is tried for ever")
	require.Equal(t, 1, w.db.Count(t, "select count(*) from pgmq.a_orchestration_task_requests where read_ct = 2"))
}

func TestTheMessageSweeperRepairsByItself(t *testing.T) {
	t.Parallel()
	w, _ := newRequestWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	w.create(t, "any")
	w.db.Exec(t, "delete from pgmq.q_worker_n_queue; select pgmq.send('worker_n_queue', '{}')")
	sweeper := orchestration.NewMessageSweeper(w.store, orchestration.MessageLimits{Interval: testkit.Moment, Hide: testkit.Moment, MaxReads: 2}, slog.New(slog.NewTextHandler(w.logs, nil)))
	run(t, sweeper.Run)
	testkit.Eventually(t, func() bool { return w.db.Count(t, "select count(*) from pgmq.a_worker_n_queue") == 1 }, "poison is not archived")
	testkit.Eventually(t, func() bool {
		return w.db.Count(t, "select count(*) from pgmq.q_worker_n_queue where headers ? 'ready_id'") == 1
	}, "the message is not sent again")
	w.logs.Await(t, "messages were lost and are sent again")
	w.logs.Await(t, "messages that name no step are archived")
}

// A result that cannot be processed does not keep back the others, and is not tried for ever.
func TestAResultThatCannotBeProcessedIsSetAside(t *testing.T) {
	t.Parallel()
	w, _ := newRequestWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	bad, good := w.create(t, "any"), w.create(t, "any")
	w.reportAll(t, false, w.claim(t)...)
	w.db.Exec(t, `update tasker.workflow_steps set outcome = '{"metadata": "nonsense"}' where task_uuid = $1`, bad)
	queue := orchestration.NewResultQueue(w.store.MessageResults(time.Millisecond, 2), w.ResultProcessorActor, testkit.Moment, 10, slog.New(slog.NewTextHandler(w.logs, nil)))
	run(t, queue.Run)
	testkit.Eventually(t, func() bool { return w.db.Count(t, "select count(*) from pgmq.a_orchestration_step_results") == 1 }, "it is tried for ever")
	w.logs.Await(t, "a result could not be processed and is set aside")
	w.logs.Await(t, bad.String())
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.workflow_steps where task_uuid = $1 and state = 'enqueued'", good))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.workflow_steps where task_uuid = $1 and state = 'enqueued_as_error_for_orchestration'", bad))
}
