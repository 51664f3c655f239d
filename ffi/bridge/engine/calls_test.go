package engine

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

func TestTheMethodsOfAClient(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	w := h.worker(nil, nil, "math.square")
	server := httptest.NewServer(coreOf(t, h, w).calls.rest.via.(local).handler)
	t.Cleanup(server.Close)
	overDatabase, r := h.ClientNew(h.config(nil, nil), nil, patienceMS)
	h.ok(r)
	overHTTP, r := h.ClientNew([]byte(`{"url":"`+server.URL+`","token":"k"}`), nil, patienceMS)
	require.Equal(t, server.URL, h.ok(r)["url"])
	t.Cleanup(func() { h.ClientFree(overDatabase); h.ClientFree(overHTTP) })

	for name, c := range map[string]uint64{"worker": w, "database": overDatabase, "server": overHTTP} {
		require.Equal(t, "healthy", h.call(c, "client.health", map[string]any{})["status"], name)
		task := h.create(c, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 2, "by": name})
		require.Equal(t, "mathematical_sequence", h.call(c, "client.get_task", map[string]any{"task_uuid": task})["name"])
		list := h.call(c, "client.list_tasks", map[string]any{"limit": 10, "offset": 0, "namespace": "examples_linear", "status": nil})
		require.NotEmpty(t, list["tasks"])
		var steps []map[string]any
		r := h.try(c, "client.list_steps", map[string]any{"task_uuid": task})
		require.NoError(t, json.Unmarshal(r.Document, &steps))
		require.Len(t, steps, 4)
		require.Equal(t, steps[0]["step_uuid"], h.call(c, "client.get_step", map[string]any{"task_uuid": task, "step_uuid": steps[0]["step_uuid"]})["step_uuid"])
		require.Equal(t, "cancelled", h.call(c, "client.cancel_task", map[string]any{"task_uuid": task})["status"])

		require.EqualValues(t, 1, h.call(c, "templates.list", map[string]any{"namespace": "examples_linear"})["total_count"])
		cached := h.call(c, "templates.list", map[string]any{"include_cache_stats": true})
		require.EqualValues(t, 1, cached["total_count"])
		require.EqualValues(t, 1, cached["cache_stats"].(map[string]any)["total_cached"], name)
		require.NotContains(t, h.call(c, "templates.list", map[string]any{"include_cache_stats": false}), "cache_stats")
		require.NotContains(t, h.call(c, "templates.list", map[string]any{}), "cache_stats")
		h.fails(bridge.EInvalid, h.try(c, "templates.list", map[string]any{"include_cache_stats": "perhaps"}))
		require.Equal(t, "1.0.0", h.call(c, "templates.get", map[string]any{"namespace": "examples_linear", "name": "mathematical_sequence", "version": "1.0.0"})["version"])
		h.call(c, "health.live", map[string]any{})
		require.Equal(t, "healthy", h.call(c, "health.ready", map[string]any{})["status"])

		h.fails(bridge.ENotFound, h.try(c, "client.get_task", map[string]any{"task_uuid": "0198c0de-0000-7000-8000-000000000001"}))
		require.Equal(t, "task_uuid", h.fails(bridge.EInvalid, h.try(c, "client.get_task", map[string]any{})).Details["key"])
		require.Equal(t, "colour", h.fails(bridge.EInvalid, h.try(c, "client.get_task", map[string]any{"task_uuid": task, "colour": 1})).Details["key"])
		h.fails(bridge.EInvalid, h.try(c, "client.get_task", map[string]any{"task_uuid": map[string]any{}}))
		h.fails(bridge.EInvalid, h.try(c, "client.get_task", []int{1}))
		h.fails(bridge.EInvalid, h.try(c, "client.list_tasks", map[string]any{"limit": 10, "offset": 3}))
		h.fails(bridge.ENotFound, h.try(c, "client.create_task", map[string]any{"namespace": "x", "name": "y", "version": "1.0.0", "context": map[string]any{}, "initiator": "t", "source_system": "t", "reason": "t"}))
		require.Contains(t, h.fails(bridge.EUnsupported, h.try(c, "no.such", nil)).Details["methods"], "client.create_task")
	}
	for _, c := range []uint64{overDatabase, overHTTP} {
		h.fails(bridge.EUnsupported, h.try(c, "metrics.worker", nil))
	}
}

// coreOf finds the core behind a worker's handle by opening the same again.
func coreOf(t *testing.T, h *host, _ uint64) *Core {
	t.Helper()
	var opened *Core
	probe := bridge.New(bridge.Options{OpenWorker: func(ctx context.Context, s bridge.Setup) (bridge.Core, error) {
		c, err := Open(ctx, s)
		if err == nil {
			opened = c.(*Core)
		}
		return c, err
	}})
	w, r := probe.WorkerNew(h.config(nil, nil), nil, patienceMS)
	require.Equal(t, bridge.OK, r.Code, "%s", r.Document)
	require.Equal(t, bridge.OK, probe.WorkerStart(w).Code)
	t.Cleanup(func() {
		probe.WorkerStop(w, 5000)
		probe.WorkerFree(w)
	})
	return opened
}

func TestAServersAnswersBecomeCodes(t *testing.T) {
	t.Parallel()
	status, body := 0, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "secret", r.Header.Get("X-API-Key"))
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	h := newHost(t)
	c, r := h.ClientNew([]byte(`{"url":"`+server.URL+`","token":"secret"}`), nil, patienceMS)
	h.ok(r)
	t.Cleanup(func() { h.ClientFree(c) })
	for _, tt := range []struct {
		status int
		want   bridge.Code
	}{
		{400, bridge.EInvalid}, {401, bridge.EDenied}, {403, bridge.EDenied}, {404, bridge.ENotFound}, {405, bridge.EUnsupported},
		{409, bridge.EConflict}, {413, bridge.ETooLarge}, {422, bridge.EInvalid}, {429, bridge.EBusy}, {500, bridge.EInternal},
		{503, bridge.EDatabase}, {504, bridge.EDeadline},
	} {
		status, body = tt.status, `{"error":{"code":"SOME","message":"told so"}}`
		e := h.fails(tt.want, h.try(c, "templates.list", map[string]any{}))
		require.Equal(t, "told so", e.Message)
		require.Equal(t, "SOME", e.Details["error_code"])
		require.EqualValues(t, tt.status, e.Details["http_status"])
		require.Equal(t, "7", e.Details["retry_after"])
		status, body = tt.status, `<html>`
		h.fails(tt.want, h.try(c, "templates.list", map[string]any{}))
	}
	server.Close()
	require.True(t, h.fails(bridge.EBusy, h.try(c, "client.health", map[string]any{})).Retryable)
	_, r = h.ClientNew([]byte(`{"url":"localhost:8080"}`), nil, patienceMS)
	require.Equal(t, "url", h.fails(bridge.EInvalid, r).Details["key"])
}

func TestTheMethodsOfAWorker(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	w := h.worker(nil, nil, "math.square")
	h.create(w, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 2})
	token, _ := h.step(w)
	h.ok(h.Complete(w, token, []byte(`{"success":true,"result":{"value":"1"}}`), false))
	h.step(w)

	valid := h.call(w, "templates.validate", map[string]any{"namespace": "examples_linear", "name": "mathematical_sequence", "version": "1.0.0"})
	require.Equal(t, true, valid["valid"])
	require.Equal(t, []any{"math.square"}, valid["step_handlers"])
	h.fails(bridge.ENotFound, h.try(w, "templates.validate", map[string]any{"namespace": "x", "name": "y", "version": "1.0.0"}))
	require.Equal(t, "nmae", h.fails(bridge.EInvalid, h.try(w, "templates.validate", map[string]any{"nmae": "y"})).Details["key"])
	require.Equal(t, true, h.call(w, "templates.refresh", map[string]any{"namespace": "examples_linear"})["success"])

	require.Equal(t, "healthy", h.call(w, "health.basic", nil)["status"])
	detailed := h.call(w, "health.detailed", nil)
	require.Equal(t, "healthy", detailed["status"])
	require.Equal(t, "ok", detailed["checks"].(map[string]any)["database"])
	h.eventually(func() bool {
		metrics := h.call(w, "metrics.worker", nil)
		return metrics["worker"].(map[string]any)["steps_executed"] == 1.0 && metrics["ffi_dispatch"].(map[string]any)["polled_total"] == 2.0
	}, "counters follow")
	text := h.call(w, "metrics.prometheus", nil)["text"].(string)
	for _, name := range []string{"tasker_worker_info{", "tasker_steps_executions_total 1", "tasker_ffi_completion_circuit_state 0", "tasker_ffi_polled_total 2"} {
		require.Contains(t, text, name)
	}
	require.Contains(t, h.call(w, "config.runtime", nil)["toml"], "[worker]")
	require.NotContains(t, h.call(w, "config.runtime", nil)["toml"], h.dsn, "the database's address is a secret")
	require.NotEmpty(t, h.call(w, "config.environment", nil)["environment"])
}

func TestDomainEventsGoOutAndComeIn(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.worker(map[string]any{"domain_events": []string{"order.*"}}, nil, "x")
	require.Empty(t, h.call(w, "events.poll", map[string]any{})["events"], "the first poll begins to collect")
	for _, name := range []string{"order.paid", "stock.low"} {
		published := h.call(w, "events.publish", map[string]any{
			"event_name": name, "namespace": "shop", "delivery_mode": "broadcast", "payload": map[string]any{"total": json.Number("9007199254740993")},
		})
		require.NotEmpty(t, published["event_id"])
	}
	f := h.next(w, bridge.FrameDomainEvent)
	var got map[string]any
	require.NoError(t, json.Unmarshal(f.Payload, &got))
	require.Equal(t, "order.paid", got["event_name"])
	require.EqualValues(t, 1, got["schema_version"])
	require.Contains(t, string(f.Payload), "9007199254740993")
	require.Equal(t, "shop", got["metadata"].(map[string]any)["namespace"])
	polled := h.call(w, "events.poll", map[string]any{"max": 10})["events"].([]any)
	require.Len(t, polled, 2)
	h.fails(bridge.EInvalid, h.try(w, "events.poll", map[string]any{"max": 1000}))
	for key, params := range map[string]map[string]any{
		"event_name": {"namespace": "shop"}, "namespace": {"event_name": "a.b"}, "delivery_mode": {"event_name": "a.b", "namespace": "shop", "delivery_mode": "pigeon"},
		"colour": {"event_name": "a.b", "namespace": "shop", "colour": 1},
	} {
		require.Equal(t, key, h.fails(bridge.EInvalid, h.try(w, "events.publish", params)).Details["key"])
	}
}

func TestAStepsDeclaredEventsComeOnceItsResultIsStored(t *testing.T) {
	t.Parallel()
	h := newHost(t, "events.yaml")
	w := h.worker(map[string]any{"domain_events": []string{"payment.*"}}, nil, "shop.pay")
	for n, tt := range []struct{ result, event string }{
		{`{"success":true,"result":{"payment_id":"p-1"}}`, "payment.processed"},
		{`{"success":false,"error":{"message":"declined","retryable":false}}`, "payment.failed"},
	} {
		task := h.create(w, "shop", "paying", map[string]any{"n": n})
		token, e := h.step(w)
		h.ok(h.Complete(w, token, []byte(tt.result), false))
		f := h.next(w, bridge.FrameDomainEvent)
		var got struct {
			EventName string `json:"event_name"`
			Metadata  struct {
				TaskUUID string `json:"task_uuid"`
				StepName string `json:"step_name"`
			}
			Payload struct {
				ExecutionResult struct{ Success bool } `json:"execution_result"`
			}
		}
		require.NoError(t, json.Unmarshal(f.Payload, &got))
		require.Equal(t, tt.event, got.EventName)
		require.Equal(t, task, got.Metadata.TaskUUID)
		require.Equal(t, "pay", got.Metadata.StepName)
		require.Equal(t, n == 0, got.Payload.ExecutionResult.Success)
		require.Equal(t, task, e.TaskUUID)
	}
}
