package engine

import (
	"encoding/json"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

func TestAHostRunsATaskFromItsFirstStepToItsLast(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	w := h.worker(nil, nil, "math.square")
	task := h.create(w, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 6, "big": json.Number("9007199254740993")})
	for n := 1; n <= 4; n++ {
		token, e := h.step(w)
		require.Equal(t, fmt.Sprintf("linear_step_%d", n), e.TaskSequenceStep.WorkflowStep.Name)
		require.Equal(t, task, e.TaskUUID)
		require.Equal(t, "math.square", e.TaskSequenceStep.StepDefinition.Handler.Callable)
		require.Contains(t, string(e.TaskSequenceStep.Task.Task.Context), "9007199254740993", "numbers keep their digits")
		require.Len(t, e.TaskSequenceStep.DependencyResults, n-1, "all ancestors, not just the parents")
		for before := 1; before < n; before++ {
			require.JSONEq(t, fmt.Sprintf(`{"value":"%d"}`, before), string(e.TaskSequenceStep.DependencyResults[fmt.Sprintf("linear_step_%d", before)].Result))
		}
		h.ok(h.Complete(w, token, fmt.Appendf(nil, `{"success":true,"result":{"value":"%d"}}`, n), false))
	}
	h.eventually(func() bool { return h.status(w, task) == "complete" }, "the task is complete")
	steps := h.Call(w, "client.list_steps", []byte(`{"task_uuid":"`+task+`"}`), patienceMS)
	require.Equal(t, bridge.OK, steps.Code)
	require.Contains(t, string(steps.Document), `"value":"4"`)
}

func TestAFailedStepIsTriedAgainAsItsTemplateSays(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	w := h.worker(nil, nil, "math.square")
	task := h.create(w, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 2})
	token, e := h.step(w)
	require.Zero(t, e.TaskSequenceStep.WorkflowStep.Attempts)
	h.ok(h.Complete(w, token, []byte(`{"success":false,"error":{"message":"gateway down","error_type":"retryable_error","retryable":true}}`), false))
	token, again := h.step(w)
	require.Equal(t, e.StepUUID, again.StepUUID)
	require.NotEqual(t, e.EventID, again.EventID)
	require.Equal(t, 1, again.TaskSequenceStep.WorkflowStep.Attempts)
	h.ok(h.Complete(w, token, []byte(`{"success":false,"error":{"message":"odd","retryable":false}}`), false))
	h.eventually(func() bool { return h.status(w, task) == "blocked_by_failures" }, "a permanent failure ends it")
}

func TestAReleasedStepComesBackWithItsAttemptsAsTheyWere(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	w := h.worker(nil, nil, "math.square")
	h.create(w, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 4})
	token, first := h.step(w)
	h.ok(h.Release(w, token, []byte(`"busy"`)))
	_, again := h.step(w)
	require.Equal(t, first.StepUUID, again.StepUUID)
	require.Zero(t, again.TaskSequenceStep.WorkflowStep.Attempts)
}

func TestADrainedWorkerClaimsNothingMore(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	w := h.worker(nil, nil, "math.square")
	h.create(w, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 2})
	token, _ := h.step(w)
	h.ok(h.WorkerDrain(w))
	h.next(w, bridge.FrameShutdown)
	second := h.create(w, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 4})
	h.ok(h.Complete(w, token, []byte(`{"success":true,"result":{"value":"1"}}`), false))
	summary := h.ok(h.WorkerStop(w, patienceMS))
	require.EqualValues(t, 1, summary["completed"])
	require.Empty(t, summary["failure"])

	// What it left is there for another.
	other := h.worker(nil, nil, "math.square")
	for range 2 {
		h.step(other)
	}
	require.Equal(t, "steps_in_process", h.status(other, second))
}

func TestTwoWorkersInOneProcessShareTheWork(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	a := h.worker(nil, map[string]any{"worker.mpsc_channels.handler_dispatch.max_concurrent_handlers": 1}, "math.square")
	b := h.worker(nil, map[string]any{"worker.mpsc_channels.handler_dispatch.max_concurrent_handlers": 1}, "math.square")
	for n := range 2 {
		h.create(a, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 2 * n})
	}
	tokenA, eventA := h.step(a)
	tokenB, eventB := h.step(b)
	require.NotEqual(t, eventA.TaskUUID, eventB.TaskUUID)
	h.fails(bridge.EStaleToken, h.Complete(b, tokenA, []byte(`{"success":true}`), false))
	h.ok(h.Complete(a, tokenA, []byte(`{"success":true}`), false))
	h.ok(h.Complete(b, tokenB, []byte(`{"success":true}`), false))
}

func TestACancelledTaskIsTakenFromTheHost(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	w := h.worker(nil, nil, "math.square")
	task := h.create(w, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 2})
	token, _ := h.step(w)
	require.Equal(t, "cancelled", h.call(w, "client.cancel_task", map[string]any{"task_uuid": task})["status"])
	require.Equal(t, token, h.next(w, bridge.FrameCancel).Number)
	h.fails(bridge.ECancelled, h.Heartbeat(w, token, nil))
	h.fails(bridge.EStaleToken, h.Complete(w, token, []byte(`{"success":true}`), false))
}

func TestAWorkerTellsWhatItIs(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	w, r := h.WorkerNew(h.config(map[string]any{"handlers": []string{"math.square"}}, map[string]any{"environment": "test"}), nil, patienceMS)
	info := h.ok(r)
	t.Cleanup(func() { h.WorkerFree(w) })
	require.Equal(t, "test", info["environment"])
	require.EqualValues(t, 1, info["templates_registered"])
	require.Equal(t, false, info["embedded_database"])
	h.fails(bridge.EState, h.try(w, "metrics.worker", map[string]any{}))
	h.ok(h.WorkerStart(w))
	core := h.ok(h.WorkerStatus(w))["core"].(map[string]any)
	require.Equal(t, []any{"math.square"}, core["worker"].(map[string]any)["registered_handlers"])
	h.ok(h.WorkerStop(w, patienceMS))
}

func TestWhatIsWrongWithAnOpeningIsNamed(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })
	for name, tt := range map[string]struct {
		config  []byte
		want    bridge.Code
		timeout int32
	}{
		"a setting that is unknown":        {h.config(nil, map[string]any{"worker.leese_ms": 1}), bridge.EConfig, patienceMS},
		"a setting that is out of bounds":  {h.config(nil, map[string]any{"worker.lease_ms": 1}), bridge.EConfig, patienceMS},
		"a template folder that is absent": {h.config(nil, map[string]any{"task_templates.search_paths": "nowhere"}), bridge.EConfig, patienceMS},
		"a pattern that is none":           {h.config(map[string]any{"domain_events": []string{"a..b"}}, nil), bridge.EInvalid, patienceMS},
		"a database that refuses":          {h.config(nil, map[string]any{"database.url": "postgres://nobody@127.0.0.1:1/none?sslmode=disable"}), bridge.EDatabase, patienceMS},
		"a database that does not answer":  {h.config(nil, map[string]any{"database.url": "postgres://nobody@" + silent.Addr().String() + "/none?sslmode=disable"}), bridge.EDeadline, 300},
	} {
		handle, r := h.WorkerNew(tt.config, nil, tt.timeout)
		require.Zero(t, handle, name)
		e := h.fails(tt.want, r)
		if tt.want == bridge.EConfig {
			require.NotEmpty(t, e.Details["keys"], name)
		}
	}
}

func TestTheHostsEnvironmentConfiguresTheCore(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w, r := h.WorkerNew([]byte(`{"dir":"`+h.dir+`"}`), []string{"DATABASE_URL=" + h.dsn, "TASKER_ENV=staging", "TASKER__WORKER__WORKER_ID=from-env"}, patienceMS)
	require.Equal(t, "staging", h.ok(r)["environment"])
	t.Cleanup(func() { h.WorkerFree(w) })
	h.ok(h.WorkerStart(w))
	require.Equal(t, "from-env", h.call(w, "health.basic", map[string]any{})["worker_id"])
	h.ok(h.WorkerStop(w, patienceMS))
}
