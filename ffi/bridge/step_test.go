package bridge_test

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

func reason(t *testing.T, e bridge.Error) any {
	t.Helper()
	require.False(t, e.Retryable)
	return e.Details["reason"]
}

func TestALateADuplicateAndAnUnknownCompletionAreToldApart(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":4`)
	other := h.started(`"loopback.steps":1`)

	done := h.token(w)
	h.ok(h.complete(w, done, succeeded))
	require.Equal(t, "completed", reason(t, h.fails(bridge.EStaleToken, h.complete(w, done, succeeded))))
	released := h.token(w)
	h.ok(h.Release(w, released, []byte(`"no GPU"`)))
	require.Equal(t, "released", reason(t, h.fails(bridge.EStaleToken, h.complete(w, released, succeeded))))
	cancelled := h.token(w)
	h.call(w, "test.cancel", "")
	require.Equal(t, cancelled, h.frame(w, bridge.FrameCancel).Number)
	require.Equal(t, "cancelled", reason(t, h.fails(bridge.ECancelled, h.Heartbeat(w, cancelled, nil))))
	require.Equal(t, "cancelled", reason(t, h.fails(bridge.EStaleToken, h.complete(w, cancelled, succeeded))))
	require.Equal(t, "cancelled", reason(t, h.fails(bridge.ECancelled, h.Heartbeat(w, cancelled, nil))), "also once it is gone")

	foreign := h.token(other)
	for _, token := range []uint64{0, 1, foreign, w, ^uint64(0), done + 1} {
		require.Equal(t, "unknown", reason(t, h.fails(bridge.EStaleToken, h.complete(w, token, succeeded))))
		require.Equal(t, "unknown", reason(t, h.fails(bridge.EStaleToken, h.Heartbeat(w, token, nil))))
	}
	h.ok(h.complete(other, foreign, succeeded))
	h.eventually(func() bool { return h.counts(w)["succeeded"] == 1.0 }, "one was stored")
}

func TestACompletionAfterTheTimeoutChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":1,"loopback.timeout_ms":100`)
	token := h.token(w)
	cancel := h.frame(w, bridge.FrameCancel)
	require.Equal(t, token, cancel.Number)
	require.Contains(t, string(cancel.Payload), `"reason":"timeout"`)
	require.Equal(t, "timeout", reason(t, h.fails(bridge.EStaleToken, h.complete(w, token, succeeded))))
	h.eventually(func() bool { return h.counts(w)["failed"] == 1.0 }, "the timeout is stored")
	require.EqualValues(t, 0, h.counts(w)["succeeded"])
	require.EqualValues(t, 1, h.steps(w)["late_completions_total"])
}

func TestAHundredThreadsCompleteATokenOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":20`)
	for range 20 {
		token := h.token(w)
		var accepted atomic.Int32
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if code := h.complete(w, token, succeeded).Code; code == bridge.OK {
					accepted.Add(1)
				} else {
					require.Equal(t, bridge.EStaleToken, code)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, accepted.Load())
	}
	h.eventually(func() bool { return h.counts(w)["succeeded"] == 20.0 }, "all are stored")
}

func TestAResultIsKeptWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":5`)
	h.call(w, "test.database", `{"up":false}`)
	for range 5 {
		h.ok(h.complete(w, h.token(w), succeeded))
	}
	require.EqualValues(t, 0, h.counts(w)["succeeded"])
	h.call(w, "test.database", `{"up":true}`)
	h.eventually(func() bool { return h.counts(w)["succeeded"] == 5.0 }, "delivered after it returned")
}

func TestAFullChannelAnswersBusyAndTheTokenStaysValid(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":64,"loopback.room":1`)
	h.call(w, "test.database", `{"up":false}`)
	// Results on their way make room for a moment: it is full when a wait for room takes its time, and there is none after it.
	var waiting bridge.Reply
	var token uint64
	for full := false; !full; {
		token = h.token(w)
		for waiting = h.Complete(w, token, []byte(succeeded), true); waiting.Code == bridge.EBusy; waiting = h.Complete(w, token, []byte(succeeded), true) {
			require.True(t, h.fails(bridge.EBusy, waiting).Retryable)
			require.NotZero(t, waiting.Wait.ID)
			if !testkit.Readable(t, waiting.Wait.FD, 100*time.Millisecond) {
				break
			}
			h.WaitDone(waiting.Wait.ID)
		}
		if waiting.Code != bridge.EBusy {
			h.ok(waiting)
			continue
		}
		r := h.complete(w, token, succeeded)
		require.Zero(t, r.Wait.ID, "who does not wait is not asked to")
		if full = r.Code == bridge.EBusy; !full {
			h.ok(r)
			h.WaitDone(waiting.Wait.ID)
		}
	}
	require.Equal(t, bridge.OK, h.Heartbeat(w, token, nil).Code, "the step is still the host's")
	h.call(w, "test.database", `{"up":true}`)
	require.True(t, testkit.Readable(t, waiting.Wait.FD, patience), "there is room")
	h.WaitDone(waiting.Wait.ID)
	h.eventually(func() bool { return h.complete(w, token, succeeded).Code != bridge.EBusy }, "accepted now")
	require.Equal(t, "completed", reason(t, h.fails(bridge.EStaleToken, h.complete(w, token, succeeded))))
}

func TestARefusedResultLeavesTheTokenValid(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":1`)
	token := h.token(w)
	h.fails(bridge.EEncoding, h.complete(w, token, `{`))
	h.fails(bridge.EInvalid, h.complete(w, token, `{"success":1}`))
	large := make([]byte, 9<<20)
	for i := range large {
		large[i] = 'x'
	}
	e := h.fails(bridge.ETooLarge, h.complete(w, token, `{"success":true,"result":"`+string(large)+`"}`))
	require.NotZero(t, e.Details["limit"])
	h.fails(bridge.EEncoding, h.Heartbeat(w, token, []byte(`nope`)))
	h.fails(bridge.EEncoding, h.Release(w, token, []byte(`nope`)))
	h.fails(bridge.EInvalid, h.Checkpoint(w, token, []byte(`{}`), 1000))
	h.ok(h.complete(w, token, `{"success":false,"error":{"message":"the result is too large"}}`))
	h.eventually(func() bool { return h.counts(w)["failed"] == 1.0 }, "the failure is stored")
}

func TestACheckpointDeliversTheStepAgain(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":1`)
	position := []byte(`{"cursor":{"page":7},"items_processed":50}`)
	first := h.token(w)
	h.ok(h.Checkpoint(w, first, position, patienceMS))
	require.Equal(t, "checkpointed", reason(t, h.fails(bridge.EStaleToken, h.complete(w, first, succeeded))))
	again := h.frame(w, bridge.FrameStep)
	require.JSONEq(t, `{"checkpoint":{"page":7}}`, string(again.Payload))

	h.call(w, "test.database", `{"up":false}`)
	require.True(t, h.fails(bridge.EDatabase, h.Checkpoint(w, again.Number, position, patienceMS)).Retryable)
	h.ok(h.Heartbeat(w, again.Number, nil))
	h.call(w, "test.database", `{"up":true}`)
	require.Equal(t, bridge.Pending, h.Checkpoint(w, again.Number, position, 0).Code)
	last := h.token(w)
	h.call(w, "test.database", `{"up":false}`)
	require.Equal(t, bridge.Pending, h.Checkpoint(w, last, position, 0).Code)
	h.eventually(func() bool { return h.steps(w)["pending_count"] == 0.0 }, "it was tried")
	h.call(w, "test.database", `{"up":true}`)
	h.eventually(func() bool { return h.counts(w)["failed"] == 1.0 }, "what cannot be stored fails the step")
}

func TestHeartbeatDetailsAreShownInTheStatus(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":1`)
	token := h.token(w)
	h.ok(h.Heartbeat(w, token, []byte(`{"done":3}`)))
	raw, err := json.Marshal(h.steps(w)["heartbeats"])
	require.NoError(t, err)
	require.Contains(t, string(raw), `{"done":3}`)
}

func TestStepsThatTheHostHasNoMemoryForGoBack(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":3`)
	h.eventually(func() bool { return h.steps(w)["waiting_count"] == 3.0 }, "three steps wait")
	require.Equal(t, bridge.ENoMem, h.Poll(w, 8, 0, false, func(int) []byte { return nil }).Code)
	h.eventually(func() bool { return h.counts(w)["released"] == 3.0 }, "they are given back")
	require.EqualValues(t, 0, h.steps(w)["pending_count"])
}
