package engine

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

// operator is a client of the host, and a worker that hears what becomes of its steps.
type operator struct {
	*host
	client, worker uint64
	task           string
}

// eachOperator runs a test with a client of the database and with one of a server.
func eachOperator(t *testing.T, test func(t *testing.T, o *operator)) {
	for _, over := range []string{"database", "server"} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			o := &operator{host: newHost(t, "operated.yaml")}
			o.worker = o.host.worker(nil, nil, "shop.charge", "shop.ship")
			config := o.config(nil, nil)
			if over == "server" {
				server := httptest.NewServer(coreOf(t, o.host, o.worker).calls.rest.via.(local).handler)
				t.Cleanup(server.Close)
				config = []byte(`{"url":"` + server.URL + `"}`)
			}
			c, r := o.ClientNew(config, nil, patienceMS)
			o.ok(r)
			t.Cleanup(func() { o.ClientFree(c) })
			o.client = c
			o.task = o.create(c, "shop", "operated", map[string]any{"card": over})
			test(t, o)
		})
	}
}

// do calls a method about the task or, with one, about a step of it.
func (o *operator) do(method, step string, more map[string]any) map[string]any {
	o.t.Helper()
	return o.ok(o.attempt(method, step, more))
}

func (o *operator) attempt(method, step string, more map[string]any) bridge.Reply {
	params := map[string]any{"task_uuid": o.task}
	if step != "" {
		params["step_uuid"] = step
	}
	for key, value := range more {
		params[key] = value
	}
	return o.try(o.client, method, params)
}

// fail ends a step that the worker holds.
func (o *operator) fail(token uint64, retryable bool) {
	o.t.Helper()
	raw, err := json.Marshal(map[string]any{"success": false, "error": map[string]any{"message": "no money", "retryable": retryable}})
	require.NoError(o.t, err)
	o.ok(o.Complete(o.worker, token, raw, false))
}

// taken says that a step which the worker held is the operator's: its handler is told, and its result counts no more.
func (o *operator) taken(token uint64) {
	o.t.Helper()
	require.Equal(o.t, token, o.next(o.worker, bridge.FrameCancel).Number)
	o.fails(bridge.ECancelled, o.Heartbeat(o.worker, token, nil))
	o.fails(bridge.EStaleToken, o.Complete(o.worker, token, []byte(`{"success":true}`), false))
}

func (o *operator) awaitStatus(want string) {
	o.t.Helper()
	o.eventually(func() bool { return o.status(o.client, o.task) == want }, "the task is "+want)
}

func TestAnOperatorsHandsOnStepsReachTheWorkerThatRunsThem(t *testing.T) {
	t.Parallel()
	eachOperator(t, func(t *testing.T, o *operator) {
		token, e := o.step(o.worker)
		charge := e.StepUUID
		o.fail(token, true)
		o.eventually(func() bool {
			return o.do("client.get_step", charge, nil)["current_state"] == "waiting_for_retry"
		}, "the step waits for its retry")
		run := o.do("client.run_now", charge, map[string]any{"reason": "the bank is back", "requested_by": "ada"})
		require.Contains(t, []any{"enqueued", "in_progress"}, run["current_state"])

		token, e = o.step(o.worker)
		require.Equal(t, charge, e.StepUUID)
		o.fail(token, false)
		o.awaitStatus("blocked_by_failures")
		o.do("client.reset_for_retry", charge, map[string]any{"reason": "a new card", "reset_by": "ada"})
		token, e = o.step(o.worker)
		require.Equal(t, charge, e.StepUUID)
		done := o.do("client.complete_manually", charge, map[string]any{
			"reason": "paid in cash", "completed_by": "ada",
			"completion_data": map[string]any{"result": map[string]any{"receipt": json.Number("9007199254740993")}, "metadata": map[string]any{"till": 3}},
		})
		require.Equal(t, "complete", done["current_state"])
		o.taken(token)

		token, ship := o.step(o.worker)
		require.JSONEq(t, `{"receipt":9007199254740993}`, string(ship.TaskSequenceStep.DependencyResults["charge"].Result))
		resolved := o.do("client.resolve_manually", ship.StepUUID, map[string]any{"reason": "fetched by the customer", "resolved_by": "ada"})
		require.Equal(t, "resolved_manually", resolved["current_state"])
		o.taken(token)
		o.awaitStatus("complete")

		again := o.do("client.retry_from", charge, map[string]any{"reason": "all of it again", "requested_by": "ada"})
		require.Contains(t, []any{"enqueued", "in_progress"}, again["current_state"])
		token, e = o.step(o.worker)
		require.Equal(t, charge, e.StepUUID)
		require.Zero(t, e.TaskSequenceStep.WorkflowStep.Attempts)
		o.completes(o.worker, token, `{}`)
		token, _ = o.step(o.worker)
		o.completes(o.worker, token, `{}`)
		o.awaitStatus("complete")

		var audit []map[string]any
		require.NoError(t, json.Unmarshal(o.attempt("client.step_audit", charge, nil).Document, &audit))
		var acts []any
		for _, move := range audit {
			if detail, ok := move["result"].(map[string]any); ok && detail["by"] == "ada" {
				acts = append(acts, detail["action"])
			}
		}
		require.Equal(t, []any{"run_now", "reset_for_retry", "complete_manually", "retry_from"}, acts)
	})
}

func TestAnOperatorPausesResumesAndResolvesATask(t *testing.T) {
	t.Parallel()
	eachOperator(t, func(t *testing.T, o *operator) {
		token, _ := o.step(o.worker)
		require.NotNil(t, o.do("client.pause_task", "", map[string]any{"reason": "wait", "requested_by": "ada"})["paused_at"])
		o.completes(o.worker, token, `{}`)
		var steps []map[string]any
		o.eventually(func() bool {
			require.NoError(t, json.Unmarshal(o.attempt("client.list_steps", "", nil).Document, &steps))
			return steps[0]["current_state"] == "complete"
		}, "the step that ran has ended")
		require.Equal(t, "pending", steps[1]["current_state"], "a paused task hands out nothing")
		require.Nil(t, o.do("client.resume_task", "", map[string]any{"reason": "go on", "requested_by": "ada"})["paused_at"])
		token, e := o.step(o.worker)
		require.Equal(t, "ship", e.TaskSequenceStep.WorkflowStep.Name)
		require.Equal(t, "resolved_manually", o.do("client.resolve_task", "", map[string]any{"reason": "moot", "resolved_by": "ada"})["status"])
		o.taken(token)

		summary := o.do("client.task_summary", "", nil)
		require.Equal(t, "resolved_manually", summary["task"].(map[string]any)["status"])
		require.Len(t, summary["steps"], 2)
	})
}

func TestAnOperatorInvestigatesDeadLetters(t *testing.T) {
	t.Parallel()
	eachOperator(t, func(t *testing.T, o *operator) {
		token, _ := o.step(o.worker)
		o.fail(token, false)
		var entry map[string]any
		o.eventually(func() bool {
			r := o.attempt("client.get_dlq_entry", "", nil)
			return r.Code == bridge.OK && json.Unmarshal(r.Document, &entry) == nil
		}, "the task is among the dead letters")
		require.Equal(t, "permanent_failure", entry["dlq_reason"])
		about := map[string]any{"dlq_entry_uuid": entry["dlq_entry_uuid"]}
		with := func(more map[string]any) map[string]any {
			for key, value := range about {
				more[key] = value
			}
			return more
		}
		for method, params := range map[string]map[string]any{
			"client.list_dlq":           {"resolution_status": "pending", "limit": 7, "offset": nil},
			"client.dlq_investigations": {"limit": 10},
			"client.dlq_stats":          {},
		} {
			var list []map[string]any
			require.NoError(t, json.Unmarshal(o.try(o.client, method, params).Document, &list))
			require.Len(t, list, 1, method)
			require.Equal(t, "permanent_failure", list[0]["dlq_reason"])
		}
		require.JSONEq(t, `[]`, string(o.try(o.client, "client.list_dlq", map[string]any{"limit": 7, "offset": 1}).Document))

		updated := o.call(o.client, "client.update_dlq_entry", with(map[string]any{"resolution_notes": "asked", "metadata": map[string]any{"ticket": 7}}))
		require.Equal(t, "asked", updated["resolution_notes"])
		require.Equal(t, "pending", updated["resolution_status"])
		requeued := o.call(o.client, "client.requeue_dlq_entry", with(map[string]any{"requested_by": "ada", "reason": "a new card"}))
		require.Equal(t, "manually_resolved", requeued["resolution_status"])
		token, _ = o.step(o.worker)
		var open []map[string]any
		require.NoError(t, json.Unmarshal(o.try(o.client, "client.dlq_staleness", map[string]any{"limit": 10}).Document, &open))
		require.Equal(t, o.task, open[0]["task_uuid"])
		added := o.do("client.add_dlq_entry", "", map[string]any{"requested_by": "ada", "reason": "it looks odd"})
		require.Equal(t, "manual_dlq", added["dlq_reason"])
		o.completes(o.worker, token, `{}`)
		token, _ = o.step(o.worker)
		o.completes(o.worker, token, `{}`)
		o.awaitStatus("complete")
	})
}

func TestAnOperatorIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	eachOperator(t, func(t *testing.T, o *operator) {
		token, e := o.step(o.worker)
		reason := map[string]any{"reason": "why not", "reset_by": "ada"}
		require.Equal(t, "step_uuid", o.fails(bridge.EInvalid, o.attempt("client.resolve_manually", "", map[string]any{"reason": "r", "resolved_by": "ada"})).Details["key"])
		require.Equal(t, "resolved_by", o.fails(bridge.EInvalid, o.attempt("client.reset_for_retry", e.StepUUID, map[string]any{"reason": "r", "resolved_by": "ada"})).Details["key"])
		require.Contains(t, o.fails(bridge.EInvalid, o.attempt("client.reset_for_retry", e.StepUUID, map[string]any{"reset_by": "ada"})).Message, "reason is required")
		require.Contains(t, o.fails(bridge.EConflict, o.attempt("client.reset_for_retry", e.StepUUID, reason)).Message, "only a step in state error can be reset")
		o.fails(bridge.ENotFound, o.attempt("client.reset_for_retry", "0198c0de-0000-7000-8000-000000000001", reason))
		o.fails(bridge.ENotFound, o.attempt("client.get_dlq_entry", "", nil))
		o.fails(bridge.EInvalid, o.attempt("client.update_dlq_entry", "", nil))
		o.completes(o.worker, token, `{}`)
	})
}

func TestTasksAreListedByWhatTheyCarry(t *testing.T) {
	t.Parallel()
	eachOperator(t, func(t *testing.T, o *operator) {
		card := o.do("client.get_task", "", nil)["context"].(map[string]any)["card"].(string)
		o.create(o.client, "shop", "operated", map[string]any{"card": "another"})
		list := func(params map[string]any) int {
			return len(o.call(o.client, "client.list_tasks", params)["tasks"].([]any))
		}
		require.Equal(t, 1, list(map[string]any{"context": `{"card":"` + card + `"}`, "limit": 10}))
		require.Equal(t, 0, list(map[string]any{"tag": []string{"vip", "eu"}}))
		hour := func(ahead time.Duration) string { return time.Now().Add(ahead * time.Hour).UTC().Format(time.RFC3339) }
		require.Equal(t, 2, list(map[string]any{"since": hour(-1), "until": hour(1)}))
		require.Equal(t, 0, list(map[string]any{"since": hour(1)}))
		require.Equal(t, 0, list(map[string]any{"until": hour(-1)}))
		require.Contains(t, o.fails(bridge.EInvalid, o.try(o.client, "client.list_tasks", map[string]any{"since": "yesterday"})).Message, "2026-01-31T12:00:00Z")
	})
}
