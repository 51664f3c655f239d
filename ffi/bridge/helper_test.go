package bridge_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/ffi/bridge/loopback"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// patience is how long a test waits for what the library does, on a busy machine.
const (
	patience   = patienceMS * time.Millisecond
	patienceMS = 60_000
)

// host drives the library as the C side does, without the C.
type host struct {
	*bridge.Library
	t *testing.T
}

func newHost(t *testing.T) *host {
	return &host{bridge.New(bridge.Options{OpenWorker: loopback.Open, OpenClient: loopback.OpenClient}), t}
}

func memory(n int) []byte { return make([]byte, n) }

// ok requires an answer of OK and decodes its document.
func (h *host) ok(r bridge.Reply) map[string]any {
	h.t.Helper()
	require.Equal(h.t, bridge.OK, r.Code, "%s", r.Document)
	var document map[string]any
	if len(r.Document) > 0 {
		require.NoError(h.t, json.Unmarshal(r.Document, &document))
	}
	return document
}

// fails requires an error with its document.
func (h *host) fails(want bridge.Code, r bridge.Reply) bridge.Error {
	h.t.Helper()
	require.Equal(h.t, want.String(), r.Code.String(), "%s", r.Document)
	var e bridge.Error
	require.NoError(h.t, json.Unmarshal(r.Document, &e))
	require.Equal(h.t, want, e.Code)
	require.Equal(h.t, want.String(), e.Name)
	require.NotEmpty(h.t, e.Message)
	return e
}

// worker opens a worker with these settings, and frees it at the end of the test.
func (h *host) worker(settings string) uint64 {
	h.t.Helper()
	w, r := h.WorkerNew([]byte(`{"settings":{`+settings+`}}`), nil, patienceMS)
	h.ok(r)
	h.t.Cleanup(func() { h.WorkerFree(w) })
	return w
}

// started opens and starts a worker.
func (h *host) started(settings string) uint64 {
	h.t.Helper()
	w := h.worker(settings)
	h.ok(h.WorkerStart(w))
	return w
}

// poll takes frames, waiting for them in poll(2) as the shim does.
func (h *host) poll(handle uint64, limit int32, timeout time.Duration) (bridge.Code, []bridge.Frame) {
	h.t.Helper()
	var b []byte
	alloc := func(n int) []byte { b = make([]byte, n); return b }
	until := time.Now().Add(timeout)
	r := h.Poll(handle, limit, 0, timeout != 0, alloc)
	for r.Wait.ID != 0 {
		left := time.Until(until)
		ready := left > 0 && testkit.Readable(h.t, r.Wait.FD, left)
		if !ready {
			h.WaitDone(r.Wait.ID)
			return bridge.Timeout, nil
		}
		id := r.Wait.ID
		if r = h.PollAgain(id, false, limit, 0, alloc); r.Wait.ID != 0 {
			r.Wait.FD = fdOf(h, handle)
		}
	}
	if r.Code != bridge.OK {
		require.Nil(h.t, b)
		return r.Code, nil
	}
	frames, err := bridge.ReadFrames(b)
	require.NoError(h.t, err)
	return r.Code, frames
}

func fdOf(h *host, handle uint64) int {
	fd, r := h.EventFD(handle)
	h.ok(r)
	return fd
}

// frame polls for one frame of a type; frames of other types are passed over.
func (h *host) frame(handle uint64, want bridge.FrameType) bridge.Frame {
	h.t.Helper()
	until := time.Now().Add(patience)
	for time.Now().Before(until) {
		if _, frames := h.poll(handle, 1, time.Second); len(frames) == 1 && frames[0].Type == want {
			return frames[0]
		}
	}
	require.FailNow(h.t, "no frame came", "of type %d", want)
	return bridge.Frame{}
}

// token polls for a step.
func (h *host) token(handle uint64) uint64 {
	h.t.Helper()
	return h.frame(handle, bridge.FrameStep).Number
}

func (h *host) complete(handle, token uint64, result string) bridge.Reply {
	return h.Complete(handle, token, []byte(result), false)
}

const succeeded = `{"success":true,"result":{"n":1}}`

// call calls a method of the loopback core.
func (h *host) call(handle uint64, method, params string) map[string]any {
	h.t.Helper()
	return h.ok(h.Call(handle, method, []byte(params), patienceMS))
}

// eventually waits for what other goroutines do.
func (h *host) eventually(condition func() bool, what string) {
	h.t.Helper()
	require.Eventually(h.t, condition, patience, time.Millisecond, what)
}

func (h *host) counts(handle uint64) map[string]any { return h.call(handle, "test.counts", "") }

// steps are the channel's metrics in the worker's status.
func (h *host) steps(handle uint64) map[string]any {
	h.t.Helper()
	steps, _ := h.ok(h.WorkerStatus(handle))["steps"].(map[string]any)
	return steps
}
