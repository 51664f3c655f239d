package bridge_test

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

func TestTheLifeOfAWorker(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w, r := h.WorkerNew([]byte(`{"handlers":["a"],"settings":{"loopback.steps":"3"}}`), nil, patienceMS)
	info := h.ok(r)
	require.Equal(t, "new", info["state"])
	require.Equal(t, "loopback", info["worker_id"])
	require.EqualValues(t, 1, info["schema_version"])

	code, _ := h.poll(w, 1, 0)
	require.Equal(t, bridge.Timeout, code, "nothing is claimed before the start")
	require.Equal(t, []any{"a", "b"}, h.ok(h.WorkerRegister(w, []byte(`["b","a"]`)))["handlers"])
	require.Equal(t, "running", h.ok(h.WorkerStart(w))["state"])
	h.ok(h.WorkerRegister(w, []byte(`["c"]`)))
	require.Equal(t, bridge.EState, h.WorkerStart(w).Code, "it starts once")

	for range 3 {
		h.ok(h.complete(w, h.token(w), succeeded))
	}
	status := h.ok(h.WorkerStatus(w))
	require.Equal(t, "running", status["state"])
	require.Equal(t, []any{"a", "b", "c"}, status["handlers"])
	require.EqualValues(t, 3, status["steps"].(map[string]any)["completed_total"])
	require.Equal(t, false, status["degraded"])

	h.ok(h.WorkerDrain(w))
	h.ok(h.WorkerDrain(w))
	require.Equal(t, bridge.FrameShutdown, h.frame(w, bridge.FrameShutdown).Type)
	code, _ = h.poll(w, 1, patience)
	require.Equal(t, bridge.Closed, code)
	summary := h.ok(h.WorkerStop(w, patienceMS))
	require.Equal(t, "stopped", summary["state"])
	require.EqualValues(t, 3, summary["completed"])
	require.Equal(t, "stopped", h.ok(h.WorkerStop(w, patienceMS))["state"], "stopping again is harmless")
	require.Equal(t, bridge.EState, h.WorkerStart(w).Code)
	require.Equal(t, bridge.EState, h.WorkerRegister(w, []byte(`["d"]`)).Code)
	h.ok(h.WorkerFree(w))
	require.Equal(t, "freed", h.fails(bridge.EHandle, h.WorkerFree(w)).Details["reason"])
	require.Equal(t, bridge.EHandle, h.WorkerStop(w, 0).Code)
}

func TestManyThreadsStartAWorkerOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.worker("")
	var started atomic.Int32
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			switch code := h.WorkerStart(w).Code; code {
			case bridge.OK:
				started.Add(1)
			default:
				require.Equal(t, bridge.EState, code)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, started.Load())
}

func TestHandlesThatAreNoneGetEHandleEverywhere(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	freed := h.worker("")
	h.ok(h.WorkerFree(freed))
	client, r := h.ClientNew(nil, nil, patienceMS)
	h.ok(r)
	t.Cleanup(func() { h.ClientFree(client) })
	for _, handle := range []uint64{0, 1, freed, client, ^uint64(0), 0xA100000000000001} {
		require.Equal(t, bridge.EHandle, h.WorkerRegister(handle, []byte(`[]`)).Code)
		require.Equal(t, bridge.EHandle, h.WorkerStart(handle).Code)
		require.Equal(t, bridge.EHandle, h.WorkerStatus(handle).Code)
		require.Equal(t, bridge.EHandle, h.WorkerDrain(handle).Code)
		require.Equal(t, bridge.EHandle, h.WorkerStop(handle, 0).Code)
		require.Equal(t, bridge.EHandle, h.WorkerFree(handle).Code)
		require.Equal(t, bridge.EHandle, h.complete(handle, 1, succeeded).Code)
		require.Equal(t, bridge.EHandle, h.Checkpoint(handle, 1, nil, 0).Code)
		require.Equal(t, bridge.EHandle, h.Heartbeat(handle, 1, nil).Code)
		require.Equal(t, bridge.EHandle, h.Release(handle, 1, nil).Code)
		if handle != client {
			require.Equal(t, bridge.EHandle, h.Poll(handle, 1, 0, true, memory).Code)
			require.Equal(t, bridge.EHandle, h.Wake(handle).Code)
			_, r := h.EventFD(handle)
			require.Equal(t, bridge.EHandle, r.Code)
			require.Equal(t, bridge.EHandle, h.Call(handle, "test.echo", nil, 0).Code)
			require.Equal(t, bridge.EHandle, h.CallAsync(handle, 1, "test.echo", nil, 0).Code)
			require.Equal(t, bridge.EHandle, h.CallCancel(handle, 1).Code)
			require.Equal(t, bridge.EHandle, h.ClientFree(handle).Code)
		}
	}
}

func TestAFailedOpeningLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for name, tt := range map[string]struct {
		config  string
		want    bridge.Code
		key     any
		timeout int32
	}{
		"no JSON":             {config: `{`, want: bridge.EEncoding, timeout: patienceMS},
		"no object":           {config: `[]`, want: bridge.EInvalid, key: "", timeout: patienceMS},
		"an unknown key":      {config: `{"lease":1}`, want: bridge.EInvalid, key: "lease", timeout: patienceMS},
		"a misplaced key":     {config: `{"database_url":"x"}`, want: bridge.EInvalid, key: "database_url", timeout: patienceMS},
		"a nested setting":    {config: `{"settings":{"a":{"b":1}}}`, want: bridge.EInvalid, key: "settings.a", timeout: patienceMS},
		"a setting of null":   {config: `{"settings":{"a":null}}`, want: bridge.EInvalid, key: "settings.a", timeout: patienceMS},
		"an unknown role":     {config: `{"role":"boss"}`, want: bridge.EInvalid, key: "role", timeout: patienceMS},
		"a newer schema":      {config: `{"schema_version":2}`, want: bridge.EInvalid, key: "schema_version", timeout: patienceMS},
		"the core refuses":    {config: `{"settings":{"no.such":"x"}}`, want: bridge.EConfig, key: "no.such", timeout: patienceMS},
		"the database is off": {config: `{"settings":{"loopback.fail":"connection refused"}}`, want: bridge.EDatabase, timeout: patienceMS},
		"the core panics":     {config: `{"settings":{"loopback.panic":"bug"}}`, want: bridge.EPanic, timeout: patienceMS},
		"it takes too long":   {config: `{"settings":{"loopback.open_ms":60000}}`, want: bridge.EDeadline, timeout: 20},
	} {
		handle, r := h.WorkerNew([]byte(tt.config), nil, tt.timeout)
		require.Zero(t, handle, name)
		e := h.fails(tt.want, r)
		if tt.key != nil {
			require.Equal(t, tt.key, e.Details["key"], name)
		}
		if tt.key != "database_url" {
			handle, r = h.ClientNew([]byte(tt.config), nil, tt.timeout)
			require.Zero(t, handle, name)
			h.fails(tt.want, r)
		}
	}
}

func TestAStopThatRunsOutOfTimeCanBeCalledAgain(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":2`)
	a, b := h.token(w), h.token(w)
	r := h.WorkerStop(w, 20)
	require.Equal(t, bridge.Timeout, r.Code)
	require.Contains(t, string(r.Document), `"pending":2`)
	h.ok(h.complete(w, a, succeeded))
	h.call(w, "test.database", `{"up":false}`)
	h.ok(h.complete(w, b, succeeded))
	require.Equal(t, bridge.Timeout, h.WorkerStop(w, 20).Code, "the results are not stored")
	h.call(w, "test.database", `{"up":true}`)
	summary := h.ok(h.WorkerStop(w, patienceMS))
	require.EqualValues(t, 2, summary["completed"])
	require.EqualValues(t, 2, h.ok(h.WorkerStatus(w))["core"].(map[string]any)["succeeded"])
}

func TestADrainGivesBackWhatWasNotPolled(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":10`)
	token := h.token(w)
	h.eventually(func() bool { return h.steps(w)["waiting_count"] == 9.0 }, "nine steps wait")
	h.ok(h.WorkerDrain(w))
	h.frame(w, bridge.FrameShutdown)
	code, _ := h.poll(w, 1, 0)
	require.Equal(t, bridge.Timeout, code, "a step is out: it may yet be cancelled")
	h.ok(h.complete(w, token, succeeded))
	code, _ = h.poll(w, 1, patience)
	require.Equal(t, bridge.Closed, code)
	h.ok(h.WorkerStop(w, patienceMS))
	counts := h.ok(h.WorkerStatus(w))["core"].(map[string]any)
	require.EqualValues(t, 9, counts["released"])
	require.EqualValues(t, 1, counts["succeeded"])
}

func TestFreeingAWorkerEndsItsTokens(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":1`)
	token := h.token(w)
	h.ok(h.WorkerFree(w))
	require.Equal(t, bridge.EHandle, h.complete(w, token, succeeded).Code)
	next := h.started(`"loopback.steps":1`)
	h.eventually(func() bool {
		return h.ok(h.WorkerStatus(next))["frames"].(map[string]any)["live_tokens"] == 0.0
	}, "the token of the freed worker is gone")
	fresh := h.token(next)
	require.NotEqual(t, token, fresh)
	require.Equal(t, bridge.EStaleToken, h.complete(next, token, succeeded).Code, "after a restart")
	h.ok(h.complete(next, fresh, succeeded))
}

func TestAPanicIsTheCallersErrorAndMarksTheWorker(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started("")
	e := h.fails(bridge.EPanic, h.Call(w, "test.panic", []byte(`{"text":"bug"}`), patienceMS))
	require.Contains(t, e.Message, "bug")
	require.Equal(t, true, h.ok(h.WorkerStatus(w))["degraded"])
	h.call(w, "test.echo", "{}")
	e = h.fails(bridge.EPanic, h.Panicked("tasker_poll", "bug", []byte("goroutine 1")))
	require.Equal(t, "goroutine 1", e.Details["stack"])
}

func TestTheRuntimesLastWordsGoToAFile(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	file := filepath.Join(t.TempDir(), "crash.log")
	open := func(path string) bridge.Reply {
		w, r := h.WorkerNew([]byte(`{"crash_file":"`+path+`"}`), nil, patienceMS)
		t.Cleanup(func() { h.WorkerFree(w) })
		return r
	}
	require.Equal(t, false, h.ok(open(file))["earlier_crash"])
	require.NoError(t, os.WriteFile(file, []byte("fatal error: ..."), 0o600))
	require.Equal(t, true, h.ok(open(file))["earlier_crash"])
	require.Equal(t, "crash_file", h.fails(bridge.EConfig, open(filepath.Join(file, "no", "folder"))).Details["key"])
}
