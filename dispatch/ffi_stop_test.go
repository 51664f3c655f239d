package dispatch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDrainingGivesBackWhatWasNotPolledAndLetsTheHostFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 3, FfiConfig{})
		e := h.held(0)
		h.dispatch(0)
		synctest.Wait()
		h.Drain()
		h.Drain()
		require.Len(t, h.ends(), 1)
		require.True(t, h.ends()[0].Released)
		require.Empty(t, h.poll(8))
		require.False(t, h.Finished())
		h.dispatch(0) // one that was claimed a moment ago
		require.Len(t, h.ends(), 2)

		require.NoError(t, h.Checkpoint(t.Context(), e, position), "stored, but not delivered here again")
		require.True(t, h.ends()[2].Released)
		<-h.Idle()
		require.True(t, h.Finished())
		require.Zero(t, h.slots.InUse())
		h.stop()
	})
}

func TestStopWaitsForTheHostThenTellsItThenGivesItsStepsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{CompletionTimeout: time.Hour})
		quick, hung := h.held(0), h.held(0)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var told []FfiDelivery
		go func() {
			time.Sleep(11 * time.Second)
			told = h.Poll(nil, 8, 1<<20)
			_ = h.Complete(quick, success())
		}()
		started := time.Now()
		err := h.Stop(ctx, 5*time.Second)
		require.ErrorContains(t, err, "1 steps were not given back")
		require.Equal(t, 15*time.Second, time.Since(started))
		require.Len(t, told, 2)
		require.Equal(t, FfiShutdown, told[0].Cancelled)
		ends := h.ends()
		require.Len(t, ends, 2)
		require.True(t, ends[0].Result.Success, "a host that is told to stop may still finish")
		require.True(t, ends[1].Released)
		requireStale(t, FfiShutdown, h.Complete(hung, success()))
		require.Zero(t, h.slots.InUse())
	})
}

func TestStopReturnsWhenTheHostIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{})
		e := h.held(0)
		go func() {
			time.Sleep(time.Second)
			_ = h.Complete(e, success())
		}()
		started := time.Now()
		require.NoError(t, h.Stop(t.Context(), time.Minute))
		require.Equal(t, time.Second, time.Since(started))
		require.Len(t, h.ends(), 1)
		require.NoError(t, h.Stop(t.Context(), time.Minute), "again")
	})
}

func TestStopGivesUpOnAStoreThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{})
		gate := h.closeGate()
		a, b := h.held(0), h.held(0)
		require.NoError(t, h.Complete(a, success()))
		require.NoError(t, h.Complete(b, success()))
		require.ErrorContains(t, h.Stop(expired(), time.Second), "2 results were not taken by the store")
		close(gate)
	})
}

func TestStopDoesNotWaitForAnEventThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{})
		h.payload = func(*FfiStepEvent) ([]byte, error) { return nil, errors.New("connection refused") }
		h.dispatch(0)
		time.Sleep(time.Minute)
		h.stop()
		require.True(t, h.ends()[0].Released)
		require.Zero(t, h.slots.InUse())
	})
}

func TestAbandonedStepsAreLeftToTheirLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{})
		e := h.held(0)
		h.dispatch(0)
		synctest.Wait()
		h.Drain()
		h.Abandon()
		requireStale(t, FfiShutdown, h.Complete(e, success()))
		ends := h.ends()
		require.Len(t, ends, 1, "what was not polled goes back, what was held is not mentioned")
		require.True(t, ends[0].Released)
		started := time.Now()
		require.ErrorContains(t, h.Stop(t.Context(), time.Minute), "1 steps were not given back")
		require.Zero(t, time.Since(started))
	})
}
