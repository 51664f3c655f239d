package bridge_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

func TestTheDescriptorIsReadableWhileThereAreFrames(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started("")
	fd := fdOf(h, w)
	require.False(t, testkit.Readable(t, fd, 0))
	h.call(w, "test.publish", `{"n":2}`)
	require.True(t, testkit.Readable(t, fd, patience))
	first := h.token(w)
	h.eventually(func() bool { return testkit.Readable(t, fd, 0) }, "there is another step")
	second := h.token(w)
	h.eventually(func() bool {
		code, _ := h.poll(w, 8, 0)
		return code == bridge.Timeout && !testkit.Readable(t, fd, 0)
	}, "an empty poll lowers it, though it may be raised for a step after that was polled")
	h.ok(h.complete(w, first, succeeded))
	h.ok(h.complete(w, second, succeeded))
	h.ok(h.WorkerDrain(w))
	require.True(t, testkit.Readable(t, fd, 0))
	h.frame(w, bridge.FrameShutdown)
	code, _ := h.poll(w, 8, 0)
	require.Equal(t, bridge.Closed, code)
	require.True(t, testkit.Readable(t, fd, 0), "closed is readable for good")
}

func TestAWakeReturnsOneWaitingPoll(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started("")
	var returned atomic.Int32
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			code, _ := h.poll(w, 1, time.Minute)
			returned.Add(1)
			require.Contains(t, []bridge.Code{bridge.Timeout, bridge.Closed}, code)
		})
	}
	h.eventually(func() bool {
		h.ok(h.Wake(w))
		return returned.Load() == 3
	}, "each wake returns one")
	all.Wait()

	h.ok(h.Wake(w))
	code, _ := h.poll(w, 1, 0)
	require.Equal(t, bridge.Timeout, code, "a poll that does not wait leaves the wake")
	started := time.Now()
	code, _ = h.poll(w, 1, time.Minute)
	require.Equal(t, bridge.Timeout, code)
	require.Less(t, time.Since(started), 30*time.Second, "for the next one that would wait")
}

func TestFreeingReturnsWaitingPollsAndClosesTheDescriptorAfterThem(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started("")
	r := h.Poll(w, 1, 0, true, memory)
	require.Equal(t, bridge.Timeout, r.Code)
	h.ok(h.WorkerFree(w))
	require.True(t, testkit.Readable(t, r.Wait.FD, 0), "still open, and readable")
	require.Equal(t, bridge.Closed, h.PollAgain(r.Wait.ID, false, 1, 0, memory).Code)
	require.Equal(t, bridge.EInternal, h.PollAgain(r.Wait.ID, false, 1, 0, memory).Code, "the wait is over")
}

func TestABatchIsBounded(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started(`"loopback.steps":100,"loopback.payload":1000`)
	h.eventually(func() bool { return h.steps(w)["waiting_count"] == 100.0 }, "all wait")
	poll := func(frames int32, bytes uint32) int {
		var b []byte
		r := h.Poll(w, frames, bytes, false, func(n int) []byte { b = make([]byte, n); return b })
		require.Equal(t, bridge.OK, r.Code)
		got, err := bridge.ReadFrames(b)
		require.NoError(t, err)
		return len(got)
	}
	require.Equal(t, 1, poll(1, 0))
	require.Equal(t, 32, poll(0, 0), "by default")
	require.Equal(t, 3, poll(50, 3500))
	require.Equal(t, 1, poll(50, 10), "one that is too large comes alone")
	require.Equal(t, 63, poll(1000, 1<<30))
	require.Equal(t, bridge.EInvalid, h.Poll(w, -1, 0, false, memory).Code)
}

func TestManyPollersGetEachFrameOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	const steps = 2000
	w := h.started(`"loopback.steps":2000`)
	var seen sync.Map
	var got atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				code, frames := h.poll(w, 7, time.Second)
				if code == bridge.Closed {
					return
				}
				for _, f := range frames {
					if f.Type != bridge.FrameStep {
						continue
					}
					_, twice := seen.LoadOrStore(f.Number, true)
					require.False(t, twice)
					got.Add(1)
					h.ok(h.complete(w, f.Number, succeeded))
				}
			}
		})
	}
	h.eventually(func() bool { return got.Load() == steps }, "all were polled")
	h.ok(h.WorkerStop(w, patienceMS))
	all.Wait()
	require.EqualValues(t, steps, h.ok(h.WorkerStatus(w))["core"].(map[string]any)["succeeded"])
}

func TestAThousandLivesLeaveNoDescriptorsBehind(t *testing.T) {
	h := newHost(t) // not parallel: it counts the descriptors of the process
	open := func() int {
		n := 0
		for fd := range 4096 {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
				n++
			}
		}
		return n
	}
	before := open()
	for range 200 {
		w, r := h.WorkerNew([]byte(`{"settings":{"loopback.steps":1}}`), nil, patienceMS)
		h.ok(r)
		h.ok(h.WorkerStart(w))
		h.ok(h.complete(w, h.token(w), succeeded))
		h.ok(h.WorkerStop(w, patienceMS))
		h.ok(h.WorkerFree(w))
	}
	require.LessOrEqual(t, open(), before+2)
}
