package dispatch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// slowly completes n steps, each of which the store takes after took.
func (h *hostTest) slowly(n int, took time.Duration) {
	h.t.Helper()
	for range n {
		e := h.held(0)
		gate := h.closeGate()
		require.NoError(h.t, h.Complete(e, success()))
		time.Sleep(took)
		close(gate)
		synctest.Wait()
	}
	h.mu.Lock()
	h.gate = nil
	h.mu.Unlock()
}

func TestSlowSendsOpenTheBreakerWhichHoldsBackStepsAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 20, FfiConfig{})
		last := h.held(0)
		h.slowly(4, 150*time.Millisecond)
		require.Equal(t, FfiBreakerClosed, h.Metrics().Breaker.State)
		h.slowly(1, 50*time.Millisecond)
		h.slowly(5, 150*time.Millisecond)
		m := h.Metrics().Breaker
		require.Equal(t, FfiBreakerOpen, m.State)
		require.EqualValues(t, 9, m.SlowSends)
		require.EqualValues(t, 10, m.Sends)
		require.EqualValues(t, 1, m.Opened)

		require.NoError(t, h.Complete(last, success()), "a result is held, not dropped")
		require.Len(t, h.ends(), 11)
		for range 5 {
			h.dispatch(0)
		}
		require.Empty(t, h.poll(8), "no step is handed out")
		require.False(t, h.HasReady())
		require.EqualValues(t, 1, h.Metrics().Breaker.Rejections)

		time.Sleep(5 * time.Second)
		require.Equal(t, FfiBreakerHalfOpen, h.Metrics().Breaker.State)
		require.True(t, h.HasReady())
		probes := h.poll(8)
		require.Len(t, probes, 2, "as many as close it")
		require.Empty(t, h.poll(8))
		for _, d := range probes {
			require.NoError(t, h.Complete(d.Event, success()))
		}
		synctest.Wait()
		require.Equal(t, FfiBreakerClosed, h.Metrics().Breaker.State)
		rest := h.poll(8)
		require.Len(t, rest, 3)
		for _, d := range rest {
			require.NoError(t, h.Complete(d.Event, success()))
		}
		h.stop()
		require.Len(t, h.ends(), 16)
	})
}

func TestASlowSendOpensAHalfOpenBreakerAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 20, FfiConfig{Breaker: FfiBreakerConfig{FailureThreshold: 1}})
		h.slowly(1, time.Second)
		time.Sleep(5 * time.Second)
		h.slowly(1, time.Second)
		m := h.Metrics().Breaker
		require.Equal(t, FfiBreakerOpen, m.State)
		require.EqualValues(t, 2, m.Opened)
		h.stop()
	})
}

func TestTheBreakerOpensTheWayForWaitingPollersByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{})
		h.ForceBreaker(true)
		h.dispatch(0)
		require.Empty(t, h.poll(1))
		before := h.ready.Load()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Greater(t, h.ready.Load(), before, "the host is woken")
		require.Len(t, h.poll(1), 1)
		h.ForceBreaker(false)
		require.Equal(t, FfiBreakerClosed, h.Metrics().Breaker.State)
		_ = h.Stop(expired(), 0)
	})
}
