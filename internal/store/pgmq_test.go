package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

const queue = "worker_n_queue"

// newMessageWorld is a world whose ready steps and results messages tell of. TASKER_TEST_PGMQ_SQL may name a file with the SQL of
// the extension, whose functions then take the place of ours.
func newMessageWorld(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	if file := os.Getenv("TASKER_TEST_PGMQ_SQL"); file != "" {
		sql, err := os.ReadFile(file)
		require.NoError(t, err)
		w.db.Exec(t, string(sql))
	}
	require.NoError(t, store.UsePgmq(t.Context(), w.db.DSN()))
	return w
}

// texts are the rows of a query of one column.
func (w *world) texts(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	rows, err := w.db.Pool(t).Query(t.Context(), sql, args...)
	require.NoError(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return got
}

func (w *world) createMany(t testing.TB, template int32, n int) (ids []sdk.UUID) {
	t.Helper()
	for range n {
		ids = append(ids, w.create(t, template, store.Lease{}))
	}
	return ids
}

func (w *world) length(t testing.TB, queue string) int {
	t.Helper()
	return w.db.Count(t, "select queue_length from pgmq.metrics($1)", queue)
}

// E-message: the body is {task_uuid, step_uuid, correlation_id}, letter for letter.
func TestAReadyStepIsToldOfInTheTransactionThatReadiesIt(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t)
	template := w.register(t, chain)
	task := w.create(t, template, store.Lease{})
	var correlation sdk.UUID
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), "select correlation_id from tasker.tasks").Scan(&correlation))
	body := func(no int32) string {
		return fmt.Sprintf(`{"task_uuid": %q, "step_uuid": %q, "correlation_id": %q}`, task, sdk.StepUUID(task, no), correlation)
	}
	told := w.texts(t, "select message::text from pgmq.q_worker_n_queue")
	require.Len(t, told, 1)
	require.JSONEq(t, body(0), told[0])

	l := w.worker(t, 1)
	steps, more, err := w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, steps, 1)
	require.Zero(t, w.length(t, queue))
	l.Budget = 0
	_, err = w.ApplyOutcomes(t.Context(), []store.Outcome{{TaskUUID: task, StepNo: 0, Attempt: 1, Kind: store.OutcomeComplete, Result: json.RawMessage(`{}`)}}, l)
	require.NoError(t, err)
	told = w.texts(t, "select message::text from pgmq.q_worker_n_queue")
	require.Len(t, told, 1)
	require.JSONEq(t, body(1), told[0])

	tx, err := w.db.Pool(t).Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "insert into tasker.ready_steps (handler_id, priority, step_no, task_uuid) select handler_id, priority, step_no, task_uuid from tasker.ready_steps")
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, 1, w.length(t, queue), "what is taken back is not told")
}

func TestNotificationsAreThoseOfThePgmqTransport(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t)
	w.register(t, single)
	conn, err := pgx.Connect(t.Context(), w.db.DSN())
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `listen "pgmq_message_ready.n"; listen pgmq_message_ready`)
	require.NoError(t, err)
	heard := func() map[string]any {
		t.Helper()
		var payloads [2]string
		for i, channel := range []string{"pgmq_message_ready.n", "pgmq_message_ready"} {
			n, err := conn.WaitForNotification(t.Context())
			require.NoError(t, err)
			require.Equal(t, channel, n.Channel)
			payloads[i] = n.Payload
		}
		require.Equal(t, payloads[0], payloads[1])
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(payloads[0]), &e))
		require.NotEmpty(t, e["ready_at"])
		delete(e, "ready_at")
		return e
	}
	send := func(message string) {
		t.Helper()
		w.db.Exec(t, "select tasker.pgmq_send_with_notify($1, $2::text::jsonb)", queue, message)
	}
	send(`{"a": 1}`)
	require.Equal(t, map[string]any{
		"event_type": "message_with_payload", "msg_id": 1., "queue_name": queue, "namespace": "n", "message": map[string]any{"a": 1.}, "delay_seconds": 0.,
	}, heard())
	send(`{"a": "` + strings.Repeat("ü", 4000) + `"}`)
	require.Equal(t, map[string]any{
		"event_type": "message_ready", "msg_id": 2., "queue_name": queue, "namespace": "n", "delay_seconds": 0., "payload_omitted": true,
	}, heard(), "the limit counts bytes")
	w.db.Exec(t, "select tasker.pgmq_send_batch_with_notify($1, array_fill('{}'::jsonb, array[3]), 2)", queue)
	require.Equal(t, map[string]any{
		"event_type": "batch_ready", "queue_name": queue, "namespace": "n", "msg_ids": []any{3., 4., 5.}, "message_count": 3., "delay_seconds": 2.,
	}, heard())
	w.db.Exec(t, "select tasker.pgmq_send_batch_with_notify($1, array_fill('{}'::jsonb, array[5000]))", queue)
	require.Equal(t, map[string]any{
		"event_type": "batch_ready", "queue_name": queue, "namespace": "n", "msg_ids": []any{}, "message_count": 5000., "delay_seconds": 0.,
	}, heard())
}

func TestTheDatabaseNamesStepsAsTheEngineDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 200 {
		task := sdk.NewUUID()
		for _, no := range []int32{0, 1, 254, 255, 256, 1 << 20, 1<<31 - 2} {
			var id sdk.UUID
			var back int32
			require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), "select u, tasker.step_number($1, u) from tasker.step_uuid($1, $2) u", task, no).Scan(&id, &back))
			require.Equal(t, sdk.StepUUID(task, no), id)
			require.Equal(t, no, back)
		}
	}
	require.Equal(t, 1, w.db.Count(t, "select (tasker.step_number($1, $2) is null)::int", sdk.NewUUID(), sdk.NewUUID()))
	task := sdk.NewUUID()
	require.Equal(t, 1, w.db.Count(t, "select (tasker.step_number($1, $1) is null)::int", task), "a task is no step")
	for _, text := range []string{"", "x", "0191d9a6-0000-7000-8000-00000000000", "{0191d9a6-0000-7000-8000-000000000000}"} {
		require.Equal(t, 1, w.db.Count(t, "select (tasker.uuid_or_null($1) is null)::int", text))
	}
}

func TestMessagesAreClaimedByWhatTheWorkerCanRunTheMostUrgentFirst(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t)
	template := w.register(t, roots(2), func(no int) string { return []string{"h", "other"}[no] })
	tasks := map[sdk.UUID]int32{}
	for _, priority := range []int32{0, 5, -5} {
		id := sdk.NewUUID()
		tasks[id] = priority
		_, err := w.CreateTasks(t.Context(), []store.NewTask{{
			TaskUUID: id, TemplateID: template, Priority: priority, IdentityHash: id[:], CorrelationID: id, Context: json.RawMessage(`{}`), RequestedAt: time.Now(),
		}}, store.Lease{})
		require.NoError(t, err)
	}
	l := w.worker(t, 2)
	l.Handlers = []int32{w.handler(t, "h")}
	steps, more, err := w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, steps, 2)
	for _, s := range steps {
		require.NotEqual(t, int32(-5), tasks[s.TaskUUID])
		require.Zero(t, s.StepNo)
	}
	steps, more, err = w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, steps, 1)
	require.Equal(t, 3, w.length(t, queue), "the other worker's are left, and left visible")
	require.Equal(t, 3, w.db.Count(t, "select queue_visible_length from pgmq.metrics($1)", queue))
}

func TestAMessageIsNewsAndTheRowIsTheTruth(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t)
	template := w.register(t, single)
	task := w.create(t, template, store.Lease{})
	l := w.worker(t, 10)
	w.db.Exec(t, "insert into pgmq.q_worker_n_queue (vt, message, headers) select vt, message, headers from pgmq.q_worker_n_queue")
	steps, _, err := w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.Len(t, steps, 1, "two messages, one step")
	_, _, err = w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.Zero(t, w.length(t, queue))

	_, err = w.ApplyOutcomes(t.Context(), []store.Outcome{{TaskUUID: task, StepNo: 0, Attempt: 1, Kind: store.OutcomeRelease}}, store.Lease{})
	require.NoError(t, err)
	require.Equal(t, 1, w.length(t, queue))
	w.expire(t, l.WorkerID)
	steps, _, err = w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.Empty(t, steps, "a worker without a lease takes nothing")
	require.Equal(t, 1, w.length(t, queue), "and removes nothing")

	l = w.worker(t, 10)
	w.db.Exec(t, "select pgmq.set_vt($1, msg_id, 60) from pgmq.q_worker_n_queue", queue)
	steps, _, err = w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.Empty(t, steps, "what another reader has is hidden")
	w.db.Exec(t, "select pgmq.set_vt($1, msg_id, 0) from pgmq.q_worker_n_queue", queue)
	claimed, _, err := w.ClaimSteps(t.Context(), l)
	require.NoError(t, err)
	require.Len(t, claimed, 1, "a worker that claims by rows is as good")
	steps, _, err = w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.Empty(t, steps)
	require.Zero(t, w.length(t, queue), "its message goes without effect")
}

func TestANamedMessageIsClaimedAndNoOther(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t)
	template := w.register(t, single)
	w.createMany(t, template, 3)
	l := w.worker(t, 10)
	steps, err := w.ClaimNamedMessages(t.Context(), queue, []int64{2}, l)
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.Equal(t, []string{"1", "3"}, w.texts(t, "select msg_id::text from pgmq.q_worker_n_queue order by msg_id"))
	steps, err = w.ClaimNamedMessages(t.Context(), queue, []int64{2}, l)
	require.NoError(t, err)
	require.Empty(t, steps)
}

func TestLostMessagesAreSentAgainAndOthersAreNot(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t)
	template := w.register(t, single)
	w.createMany(t, template, 5)
	sent, err := w.ResendLost(t.Context(), 0)
	require.NoError(t, err)
	require.Zero(t, sent)
	since := w.texts(t, "select ready_at::text from tasker.ready_steps order by ready_at")
	w.db.Exec(t, "delete from pgmq.q_worker_n_queue where msg_id in (2, 4)")
	sent, err = w.ResendLost(t.Context(), time.Hour)
	require.NoError(t, err)
	require.Zero(t, sent, "it is too early to say so")
	w.db.Exec(t, "update tasker.ready_steps set ready_at = ready_at - interval '1 hour'")
	since = w.texts(t, "select ready_at::text from tasker.ready_steps order by ready_at")
	sent, err = w.ResendLost(t.Context(), time.Hour)
	require.NoError(t, err)
	require.Zero(t, sent, "somebody has just looked")
	w.db.Exec(t, "update tasker.message_sweep set swept_at = clock_timestamp() - interval '2 hours'")
	sent, err = w.ResendLost(t.Context(), time.Hour)
	require.NoError(t, err)
	require.Equal(t, 2, sent)
	require.Equal(t, 5, w.length(t, queue))
	require.Equal(t, since, w.texts(t, "select ready_at::text from tasker.ready_steps order by ready_at"), "they wait since they became ready")
	l := w.worker(t, 10)
	steps, _, err := w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.Len(t, steps, 5)

	reports := make([]store.Report, len(steps))
	for i, s := range steps {
		reports[i] = store.Report{TaskUUID: s.TaskUUID, StepNo: s.StepNo, Attempt: s.Counts.Attempt, Success: true, Result: json.RawMessage(`{}`)}
	}
	_, err = w.ReportResults(t.Context(), reports, l.WorkerID)
	require.NoError(t, err)
	require.Equal(t, 5, w.length(t, store.StepResultsQueue))
	w.db.Exec(t, "select pgmq.purge_queue($1)", store.StepResultsQueue)
	sent, err = w.ResendLost(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, 5, sent)
	require.Equal(t, 5, w.length(t, store.StepResultsQueue))
	require.Equal(t, 5, w.db.Count(t, "select count(*) from tasker.step_results_queue"))
}

func TestMessagesOfOthersAreSortedAndPoisonIsArchived(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t)
	template := w.register(t, chain)
	task := w.create(t, template, store.Lease{})
	w.db.Exec(t, "select pgmq.purge_queue($1)", queue)
	send := func(body string) { w.db.Exec(t, "select pgmq.send($1, $2::text::jsonb)", queue, body) }
	body := func(no int32) string {
		return fmt.Sprintf(`{"task_uuid": %q, "step_uuid": %q, "correlation_id": %q}`, task, sdk.StepUUID(task, no), task)
	}
	send(body(0))
	send(body(1)) // it waits for its parent
	send(`{"task_uuid": "poison"}`)
	send(`null`)
	send(`"poison"`)
	l := w.worker(t, 10)
	steps, _, err := w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.Empty(t, steps)
	sorted, archived, err := w.SortForeignMessages(t.Context(), 0, 3)
	require.NoError(t, err)
	require.Equal(t, 1, sorted)
	require.Zero(t, archived)
	require.Equal(t, 4, w.length(t, queue))
	steps, _, err = w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.Len(t, steps, 1)
	for read := 2; read <= 3; read++ {
		require.Equal(t, 3, w.length(t, queue))
		_, archived, err = w.SortForeignMessages(t.Context(), 0, 3)
		require.NoError(t, err)
	}
	require.Equal(t, 3, archived)
	require.Zero(t, w.length(t, queue))
	require.Equal(t, 3, w.db.Count(t, "select count(*) from pgmq.a_worker_n_queue where read_ct = 3"))
}

func TestResultsAreTakenByTheirMessages(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t)
	template := w.register(t, single)
	tasks := w.createMany(t, template, 2)
	l := w.worker(t, 2)
	steps, _, err := w.ClaimMessages(t.Context(), queue, l)
	require.NoError(t, err)
	require.Len(t, steps, 2)
	_, err = w.ReportResults(t.Context(), []store.Report{
		{TaskUUID: tasks[0], Attempt: 1, Success: true, Result: json.RawMessage(`{"a": 1}`)},
		{TaskUUID: tasks[1], Attempt: 1, Detail: json.RawMessage(`{"error": {"message": "no"}}`)},
	}, l.WorkerID)
	require.NoError(t, err)
	w.db.Exec(t, `insert into pgmq.q_orchestration_step_results (vt, message, headers) select vt, message, null from pgmq.q_orchestration_step_results;
		select pgmq.send('orchestration_step_results', '{"poison": 1}')`)

	results := w.MessageResults(time.Hour, 2)
	taken, err := results.TakeResults(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, taken, 4, "each of them twice")
	require.Equal(t, store.QueuedResult{
		ID: taken[0].ID, Reads: 1, TaskUUID: tasks[0], TemplateID: template, Counts: workflow.AttemptCounts{Attempt: 1},
		From: workflow.StepEnqueuedForOrchestration, Result: json.RawMessage(`{"a": 1}`),
	}, taken[0])
	require.Equal(t, workflow.StepEnqueuedAsErrorForOrchestration, taken[1].From)
	require.JSONEq(t, `{"error": {"message": "no"}}`, string(taken[1].Detail))
	again, err := results.TakeResults(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, again, "they are hidden from others")

	given, err := results.GiveUp(t.Context(), taken[:1])
	require.NoError(t, err)
	require.Empty(t, given, "it may be tried once more")
	w.db.Exec(t, "update pgmq.q_orchestration_step_results set vt = now()")
	again, err = results.TakeResults(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, again, 4)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from pgmq.a_orchestration_step_results where message ? 'poison'"), "what names no step is archived")
	given, err = results.GiveUp(t.Context(), again[:1])
	require.NoError(t, err)
	require.Len(t, given, 1)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.step_results_queue where hidden_until = 'infinity'"))
	sent, err := w.ResendLost(t.Context(), 0)
	require.NoError(t, err)
	require.Zero(t, sent, "what was set aside stays there")

	_, err = w.ApplyOutcomes(t.Context(), []store.Outcome{
		{TaskUUID: tasks[0], Attempt: 1, Kind: store.OutcomeComplete, From: workflow.StepEnqueuedForOrchestration},
		{TaskUUID: tasks[1], Attempt: 1, Kind: store.OutcomeError, From: workflow.StepEnqueuedAsErrorForOrchestration},
	}, store.Lease{})
	require.NoError(t, err)
	w.db.Exec(t, "update pgmq.q_orchestration_step_results set vt = now()")
	again, err = results.TakeResults(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, again, "the rows say that they are dealt with")
	require.Zero(t, w.length(t, store.StepResultsQueue))
	w.db.Exec(t, "delete from tasker.step_results_queue")
}

func TestTheTransportIsSwitchedThereAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	w.createMany(t, template, 7)
	in, err := w.PgmqInUse(t.Context())
	require.NoError(t, err)
	require.False(t, in)
	require.NoError(t, store.LeavePgmq(t.Context(), w.db.DSN()))
	for range 2 {
		require.NoError(t, store.UsePgmq(t.Context(), w.db.DSN()))
		require.Equal(t, 7, w.length(t, queue), "what waits already is told of once")
	}
	in, err = w.PgmqInUse(t.Context())
	require.NoError(t, err)
	require.True(t, in)
	w.db.Exec(t, "select pgmq.send($1, '{}')", store.TaskRequestsQueue)
	require.NoError(t, store.LeavePgmq(t.Context(), w.db.DSN()))
	require.Zero(t, w.length(t, queue))
	require.Equal(t, 1, w.length(t, store.TaskRequestsQueue), "requests are nobody else's to drop")
	w.createMany(t, template, 1)
	require.Zero(t, w.length(t, queue))
	steps, _, err := w.ClaimSteps(t.Context(), w.worker(t, 10))
	require.NoError(t, err)
	require.Len(t, steps, 8)
}

func TestANamespaceThatNoQueueCanBeNamedAfterIsRefused(t *testing.T) {
	t.Parallel()
	w := newMessageWorld(t)
	_, err := w.RegisterTemplate(t.Context(), &store.Template{
		Namespace: strings.Repeat("n", 35), Name: "t", Version: "1.0.0", ContentHash: "c", IdentityStrategy: "always_unique",
		Definition: json.RawMessage(`{"steps":[]}`), Steps: single.steps(func(int) string { return "h" }),
	}, false)
	require.ErrorContains(t, err, "longer than 47 characters")
}

func TestASchemaPgmqThatCannotCarryHeadersIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.Exec(t, "create schema pgmq")
	require.ErrorContains(t, store.UsePgmq(t.Context(), w.db.DSN()), "update the extension to pgmq 1.5 or newer")
	in, err := w.PgmqInUse(t.Context())
	require.NoError(t, err)
	require.False(t, in)
}
