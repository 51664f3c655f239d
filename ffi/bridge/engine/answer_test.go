package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// A host that completes steps one at a time and then waits for the next one waits for the answer of the database itself: what follows from
// its result is its own to poll.
func TestAHostThatWaitsIsGivenTheStepThatFollowsFromItsOwnResult(t *testing.T) {
	t.Parallel()
	h := newHost(t, "linear.yaml")
	w := h.worker(nil, map[string]any{"database.pool.max_connections": 12}, "math.square")
	own := 0
	for tasks := 0; own < 3; tasks++ { // now and then the core is faster, or has no connection at hand
		require.Less(t, tasks, 1000, "the host is never given an answer")
		task := h.create(w, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 2 * tasks})
		token, _ := h.step(w)
		for n := 1; n < 4; n++ {
			h.ok(h.Complete(w, token, fmt.Appendf(nil, `{"success":true,"result":{"value":%d}}`, n), false))
			var given bool
			if token, given = h.received(w); given {
				own++
			}
			if token == 0 {
				token, _ = h.step(w)
			}
		}
		h.ok(h.Complete(w, token, []byte(`{"success":true,"result":{"value":4}}`), false))
		h.eventually(func() bool { return h.status(w, task) == "complete" }, "the task is complete")
	}
}

// received waits for the answer to the last result, if it is the host's to wait for, and polls what follows from it. A token of 0:
// nothing was there.
func (h *host) received(w uint64) (token uint64, given bool) {
	h.t.Helper()
	var b []byte
	alloc := func(n int) []byte { b = make([]byte, n); return b }
	r := h.Poll(w, 1, 0, true, alloc)
	if r.Code == bridge.Timeout && r.Wait.Watched >= 0 {
		if !testkit.Readable(h.t, r.Wait.Watched, time.Second/2) {
			h.WaitDone(r.Wait.ID)
			return 0, false
		}
		given = true
		r = h.PollAgain(r.Wait.ID, true, 1, 0, alloc)
	}
	if r.Wait.ID != 0 {
		h.WaitDone(r.Wait.ID)
	}
	if r.Code != bridge.OK {
		return 0, false
	}
	frames, err := bridge.ReadFrames(b)
	require.NoError(h.t, err)
	require.Equal(h.t, bridge.FrameStep, frames[0].Type)
	return frames[0].Number, given
}
