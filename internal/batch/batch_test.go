package batch_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/internal/batch"
)

// run is a Loop in a bubble, whose flush takes as long as a test says.
type run struct {
	in      chan int
	cancel  context.CancelFunc
	batches [][]int
	at      []time.Duration // when each batch was flushed, since the beginning
	done    chan struct{}
}

func start(t *testing.T, room, limit int, takes time.Duration) *run {
	ctx, cancel := context.WithCancel(t.Context())
	r := &run{in: make(chan int, room), cancel: cancel, done: make(chan struct{})}
	begun := time.Now()
	go func() {
		defer close(r.done)
		batch.Loop(ctx, r.in, limit, func(values []int) {
			r.batches = append(r.batches, slices.Clone(values))
			r.at = append(r.at, time.Since(begun))
			time.Sleep(takes)
		})
	}()
	return r
}

func (r *run) send(values ...int) {
	for _, v := range values {
		r.in <- v
	}
}

func (r *run) ended() bool {
	synctest.Wait()
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

func TestAnIdleLoopFlushesOneAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 10, 10, time.Millisecond)
		for i := range 3 {
			time.Sleep(time.Second)
			r.send(i)
		}
		close(r.in)
		<-r.done
		require.Equal(t, [][]int{{0}, {1}, {2}}, r.batches)
		require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, r.at, "no lingering")
	})
}

func TestWhatArrivesDuringAFlushMakesTheNextBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 100, 4, time.Second)
		r.send(1)
		synctest.Wait() // the first flush has begun
		r.send(2, 3, 4, 5, 6, 7)
		close(r.in)
		<-r.done
		require.Equal(t, [][]int{{1}, {2, 3, 4, 5}, {6, 7}}, r.batches, "in order, and never above the limit")
	})
}

func TestBlockedSendersJoinTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, 10, time.Second)
		r.send(1)
		for range 3 {
			go r.send(2)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		r.cancel()
		<-r.done
		require.Equal(t, [][]int{{1}, {2, 2, 2}}, r.batches)
	})
}

func TestAClosedChannelIsFlushedToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 10, 2, 0)
		r.send(1, 2, 3, 4, 5)
		close(r.in)
		<-r.done
		require.Equal(t, []int{1, 2, 3, 4, 5}, slices.Concat(r.batches...))
	})
}

func TestACancelledLoopFlushesWhatIsWaitingAndReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 10, 2, time.Second)
		r.send(1)
		synctest.Wait()
		r.send(2, 3, 4)
		r.cancel()
		<-r.done
		require.Equal(t, [][]int{{1}, {2, 3}, {4}}, r.batches)

		r.send(5)
		require.Len(t, r.in, 1, "nothing is received afterwards")
	})
}

func TestAnEmptyLoopWaitsAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 1, 1, 0)
		require.False(t, r.ended())
		r.cancel()
		require.True(t, r.ended())
		require.Empty(t, r.batches)
	})
}

func TestALimitBelowOneCountsAsOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 10, 0, time.Second)
		r.send(1, 2, 3)
		close(r.in)
		<-r.done
		require.Equal(t, [][]int{{1}, {2}, {3}}, r.batches)
	})
}

func TestTheSliceIsUsedAgainAndHoldsNothingBetween(t *testing.T) {
	t.Parallel()
	in := make(chan *int, 4)
	for i := range 4 {
		in <- &i
	}
	close(in)
	var kept [][]*int
	batch.Loop(t.Context(), in, 2, func(values []*int) { kept = append(kept, values) })
	require.Len(t, kept, 2)
	require.Same(t, &kept[0][0], &kept[1][0])
	require.Equal(t, []*int{nil, nil}, kept[0], "a flushed value can be collected")
}

func TestNothingIsLostOrReorderedWhateverTheTiming(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		room, limit := rapid.IntRange(0, 5).Draw(rt, "room"), rapid.IntRange(1, 5).Draw(rt, "limit")
		takes := rapid.IntRange(0, 3).Draw(rt, "flush takes")
		gaps := rapid.SliceOf(rapid.IntRange(0, 3)).Draw(rt, "gaps between sends")
		cancelled := rapid.Bool().Draw(rt, "cancelled instead of closed")
		synctest.Test(t, func(t *testing.T) {
			r := start(t, room, limit, time.Duration(takes)*time.Millisecond)
			want := []int{}
			for i, gap := range gaps {
				time.Sleep(time.Duration(gap) * time.Millisecond)
				r.send(i)
				want = append(want, i)
			}
			if cancelled {
				r.cancel()
			} else {
				close(r.in)
			}
			<-r.done
			require.Equal(t, want, append([]int{}, slices.Concat(r.batches...)...))
			for _, b := range r.batches {
				require.NotEmpty(t, b)
				require.LessOrEqual(t, len(b), limit)
			}
		})
	})
}

func BenchmarkLoop(b *testing.B) {
	in := make(chan int, 1000)
	flushed := 0
	b.ReportAllocs()
	done := make(chan struct{})
	go func() {
		defer close(done)
		batch.Loop(b.Context(), in, 500, func(values []int) { flushed += len(values) })
	}()
	for b.Loop() {
		in <- 1
	}
	close(in)
	<-done
	if flushed != b.N {
		b.Fatalf("flushed %d of %d", flushed, b.N)
	}
}
