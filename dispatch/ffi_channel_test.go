package dispatch

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

func TestAPolledStepIsCompletedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{WorkerName: "w"})
		require.Empty(t, h.poll(8), "nothing was dispatched")
		e := h.held(0)
		time.Sleep(3 * time.Second)
		require.NoError(t, h.Complete(e, success()))
		requireStale(t, FfiCompleted, h.Complete(e, success()))
		requireStale(t, FfiCompleted, h.Release(e))
		requireStale(t, FfiCompleted, h.Heartbeat(e, nil))

		ends := h.ends()
		require.Len(t, ends, 1)
		require.True(t, ends[0].Result.Success)
		require.Equal(t, 3*time.Second, ends[0].Result.Metadata.CompletedAt.Sub(ends[0].Result.Metadata.StartedAt.Time))
		require.Zero(t, h.slots.InUse())
		require.Equal(t, []*FfiStepEvent{e}, h.gone)
		m := h.Metrics()
		require.EqualValues(t, 1, m.Completed)
		require.EqualValues(t, 2, m.Duplicate)
		h.stop()
	})
}

func TestAStepGoesToOnePollerAndInTheOrderOfItsComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 100, FfiConfig{Loaders: 1})
		for range 100 {
			h.dispatch(0)
		}
		synctest.Wait()
		var last int32
		for range 4 {
			for _, d := range h.poll(25) {
				require.Equal(t, last+1, d.Event.Message.Key.Attempt)
				last++
				require.NoError(t, h.Complete(d.Event, success()))
			}
		}
		require.EqualValues(t, 100, last)
		require.Empty(t, h.poll(25))
		h.stop()
		require.Len(t, h.ends(), 100)
	})
}

func TestABatchIsBoundedByBytesButAlwaysHoldsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 5, FfiConfig{Loaders: 1})
		h.payload = func(*FfiStepEvent) ([]byte, error) { return make([]byte, 100), nil }
		for range 5 {
			h.dispatch(0)
		}
		synctest.Wait()
		require.Len(t, h.Poll(nil, 10, 250), 2)
		require.Len(t, h.Poll(nil, 10, 99), 1, "what is larger than the bound comes alone")
		require.Len(t, h.Poll(nil, 1, 1000), 1)
		require.Len(t, h.Poll(nil, 10, 1000), 1)
		_ = h.Stop(expired(), 0)
	})
}

func TestAFullChannelKeepsTheStepWithTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var room atomic.Int32
		h := newHostTest(t, 3, FfiConfig{CompletionBufferSize: 1, OnRoom: func() { room.Add(1) }})
		gate := h.closeGate()
		a, b, c := h.held(0), h.held(0), h.held(0)
		require.NoError(t, h.Complete(a, success()))
		require.False(t, h.HasRoom())
		require.ErrorIs(t, h.Complete(b, success()), ErrFfiBusy)
		require.ErrorIs(t, h.Release(c), ErrFfiBusy)
		require.Zero(t, room.Load())
		require.Equal(t, 3, h.slots.InUse(), "no slot is free before its result is accepted")

		gate <- struct{}{} // the database is back, for one result
		synctest.Wait()
		require.EqualValues(t, 1, room.Load())
		require.True(t, h.HasRoom())
		require.Equal(t, 2, h.slots.InUse())
		require.NoError(t, h.Complete(b, success()))
		close(gate)
		synctest.Wait()
		require.NoError(t, h.Complete(c, success()))
		require.Len(t, h.ends(), 3)
		require.EqualValues(t, 2, h.Metrics().Busy)
		h.stop()
	})
}

func TestAReleasedStepGoesBackUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{})
		e := h.held(0)
		require.NoError(t, h.Release(e))
		requireStale(t, FfiReleased, h.Complete(e, success()))
		ends := h.ends()
		require.Len(t, ends, 1)
		require.True(t, ends[0].Released)
		require.Nil(t, ends[0].Result)
		require.Zero(t, h.slots.InUse())
		h.stop()
	})
}

func TestManyHostsCompleteAStepOnce(t *testing.T) {
	t.Parallel()
	h := newHostTest(t, 50, FfiConfig{})
	events := make(chan *FfiStepEvent, 50)
	for range 50 {
		h.dispatch(0)
	}
	for len(events) < 50 {
		for _, d := range h.Poll(nil, 8, 1<<20) {
			events <- d.Event
		}
	}
	close(events)
	for e := range events {
		var accepted atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if h.Complete(e, success()) == nil {
					accepted.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, accepted.Load())
	}
	h.stop()
	require.Len(t, h.accepted, 50)
	require.Zero(t, h.slots.InUse())
}

func TestAStepWhoseEventCannotBeMadeFailsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{})
		h.payload = func(*FfiStepEvent) ([]byte, error) { return nil, sdk.Permanent(errors.New("too large")) }
		h.dispatch(0)
		ends := h.ends()
		require.Len(t, ends, 1)
		require.False(t, ends[0].Result.Metadata.Retryable)
		require.Equal(t, "too large", ends[0].Result.Error.Message)

		h.payload = func(*FfiStepEvent) ([]byte, error) { panic("bug") }
		h.dispatch(0)
		ends = h.ends()
		require.Len(t, ends, 2)
		require.Equal(t, sdk.ErrTypeHandlerPanic, ends[1].Result.Error.ErrorType)
		require.EqualValues(t, 1, h.Metrics().Panics)
		require.Zero(t, h.slots.InUse())
		h.stop()
	})
}

func TestAnEventIsMadeOnceTheDatabaseIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{})
		h.cold = true
		back := time.Now().Add(20 * time.Second)
		h.payload = func(*FfiStepEvent) ([]byte, error) {
			if time.Now().Before(back) {
				return nil, errors.New("connection refused")
			}
			return []byte("{}"), nil
		}
		h.dispatch(0)
		time.Sleep(19 * time.Second)
		require.Empty(t, h.poll(1))
		require.Equal(t, 1, h.Metrics().LoadingCount)
		time.Sleep(5 * time.Second)
		got := h.poll(1)
		require.Len(t, got, 1)
		require.NoError(t, h.Complete(got[0].Event, success()))
		h.stop()
	})
}

func TestAHostWithNothingElseToRunIsGivenAStepAtOnceIfAllOfItIsInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{})
		for _, cold := range []bool{false, true} {
			h.cold = cold
			h.payload = func(*FfiStepEvent) ([]byte, error) {
				if cold {
					time.Sleep(time.Second)
				}
				return []byte(`{}`), nil
			}
			h.dispatch(0)
			got := h.Poll(nil, 8, 1<<20)
			if cold {
				require.Empty(t, got, "a loader has to read it")
				time.Sleep(2 * time.Second)
				got = h.poll(8)
			}
			require.Len(t, got, 1)
			require.NoError(t, h.Complete(got[0].Event, success()))
		}
		h.stop()
	})
}

func TestAStepIsHandedOutWhileTheNextOneIsMadeUnlessOthersWaitToBePolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 5, FfiConfig{Loaders: 1})
		h.cold = true
		h.payload = func(*FfiStepEvent) ([]byte, error) { time.Sleep(time.Second); return []byte(`{}`), nil }
		polled := func() int {
			got := h.poll(5)
			for _, d := range got {
				require.NoError(t, h.Complete(d.Event, success()))
			}
			return len(got)
		}
		h.dispatch(0)
		synctest.Wait() // the loader is busy, and will take on the others together
		for range 4 {
			h.dispatch(0)
		}
		time.Sleep(1500 * time.Millisecond)
		require.Equal(t, 1, polled())
		time.Sleep(2 * time.Second)
		require.Equal(t, 1, polled(), "the third is made, but the second has waited until now")
		time.Sleep(time.Second)
		require.Equal(t, 2, polled(), "the third comes with the fourth, before the fifth is made")
		time.Sleep(time.Second)
		require.Equal(t, 1, polled())
		h.stop()
	})
}

func TestOfManyResultsEachIsTakenOverOrNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 5, FfiConfig{CompletionBufferSize: 2})
		gate := h.closeGate()
		var endings []FfiEnding
		for range 4 {
			endings = append(endings, FfiEnding{Event: h.held(0), Result: success()})
		}
		released := h.held(0)
		require.NoError(t, h.Release(released))
		endings = append([]FfiEnding{{Event: released, Result: success()}}, endings...)
		h.CompleteAll(endings)
		var stale *FfiStaleError
		require.ErrorAs(t, endings[0].Err, &stale)
		require.NoError(t, endings[1].Err, "the one for which there was room beside what was released")
		for _, e := range endings[2:] {
			require.ErrorIs(t, e.Err, ErrFfiBusy)
		}
		close(gate)
		synctest.Wait()
		h.CompleteAll(endings[2:])
		require.NoError(t, endings[2].Err)
		require.NoError(t, endings[3].Err)
		require.ErrorIs(t, endings[4].Err, ErrFfiBusy, "room for two")
		synctest.Wait()
		require.NoError(t, h.Complete(endings[4].Event, success()))
		require.Len(t, h.ends(), 5)
		h.stop()
	})
}

// panicSink panics on each second result, whether or not it would have to wait for the first.
type panicSink struct {
	*hostTest
	waits bool
	n     atomic.Int32
}

func (s *panicSink) panics() {
	if s.n.Add(1)%2 == 1 {
		panic("sink")
	}
}

func (s *panicSink) Send(c *Completion) {
	s.panics()
	s.hostTest.Send(c)
}

func (s *panicSink) TrySend(batch []*Completion) int {
	if s.waits {
		return 0
	}
	s.panics()
	return s.hostTest.TrySend(batch)
}

func (*panicSink) Watch(*FfiDispatchChannel) *Answer { return nil }

func TestAPanicInTheSinkDoesNotEndTheProcess(t *testing.T) {
	for _, waits := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := newHostTest(t, 2, FfiConfig{})
			h.FfiDispatchChannel.sink = &panicSink{hostTest: h, waits: waits}
			a, b := h.held(0), h.held(0)
			require.NoError(t, h.Complete(a, success()))
			require.NoError(t, h.Complete(b, success()))
			require.Len(t, h.ends(), 1)
			require.EqualValues(t, 1, h.Metrics().Panics)
			h.stop()
		})
	}
}
