package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// distantSink answers to results that are begun after a while.
type distantSink struct {
	t       *testing.T
	takes   time.Duration
	begins  bool
	answers error
	ended   func(ctx context.Context)

	mu       sync.Mutex
	begun    []*Completion
	accepted []*Completion
}

func (s *distantSink) AcceptResults(_ context.Context, batch []*Completion, _ int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = append(s.accepted, batch...)
	return 0, nil
}

func (s *distantSink) BeginResult(ctx context.Context, c *Completion, _ int) BegunResult {
	if !s.begins {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = append(s.begun, c)
	return &distantAnswer{s, ctx, time.Now()}
}

type distantAnswer struct {
	sink  *distantSink
	ctx   context.Context
	begun time.Time
}

func (a *distantAnswer) FD() int { return 7 }

func (a *distantAnswer) End(ctx context.Context) (used int, err error) {
	select {
	case <-time.After(time.Until(a.begun.Add(a.sink.takes))):
	case <-a.ctx.Done():
		return 0, a.ctx.Err()
	}
	if a.sink.ended != nil {
		a.sink.ended(ctx)
	}
	return 0, a.sink.answers
}

// answerTest is a service over a distant sink, in a bubble.
func answerTest(t *testing.T, test func(t *testing.T, sink *distantSink, s *CompletionProcessorService)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &distantSink{t: t, takes: time.Millisecond, begins: true}
		s := NewCompletionProcessorService(sink, NewSlots(4), CompletionConfig{Logger: slog.New(slog.DiscardHandler)})
		test(t, sink, s)
		require.NoError(t, s.Stop(t.Context()))
		require.Zero(t, s.queue.flushing)
	})
}

func TestAnAnswerGoesToTheOneWhoWatchesForIt(t *testing.T) {
	answerTest(t, func(t *testing.T, sink *distantSink, s *CompletionProcessorService) {
		c, host := &FfiDispatchChannel{}, false
		sink.ended = func(ctx context.Context) { host = c.receives(ctx) }
		require.Nil(t, s.Watch(c), "there is nothing to wait for")
		require.Equal(t, 1, s.TrySend([]*Completion{result(0)}))
		require.Len(t, sink.begun, 1, "it is on its way")

		a := s.Watch(c)
		require.NotNil(t, a)
		require.Equal(t, 7, a.FD())
		require.Nil(t, s.Watch(c), "one is enough")
		time.Sleep(watchedFor / 2)
		synctest.Wait()
		require.Equal(t, 1, s.queue.flushing, "it is left to the watcher")
		a.Receive()
		require.True(t, host)
		require.Zero(t, s.queue.flushing)
		a.Receive()
		a.Leave()
		require.Nil(t, s.Watch(c))
		require.Empty(t, sink.accepted)
	})
}

func TestAnAnswerThatNobodyWatchesForIsNotWaitedFor(t *testing.T) {
	for name, leave := range map[string]func(*CompletionProcessorService){
		"nobody comes":             func(*CompletionProcessorService) {},
		"the watcher leaves":       func(s *CompletionProcessorService) { s.Watch(&FfiDispatchChannel{}).Leave() },
		"the watcher does nothing": func(s *CompletionProcessorService) { s.Watch(&FfiDispatchChannel{}) },
		"the watcher comes too late": func(s *CompletionProcessorService) {
			time.Sleep(unwatchedFor)
			synctest.Wait()
			if a := s.Watch(&FfiDispatchChannel{}); a != nil {
				panic("it is gone")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			answerTest(t, func(t *testing.T, sink *distantSink, s *CompletionProcessorService) {
				own := true
				sink.ended = func(ctx context.Context) { own = ctx.Value(receiverKey{}) == nil }
				require.Equal(t, 1, s.TrySend([]*Completion{result(0)}))
				leave(s)
				time.Sleep(watchedFor + time.Second)
				synctest.Wait()
				require.Zero(t, s.queue.flushing)
				require.True(t, own)
				require.Empty(t, sink.accepted)
			})
		})
	}
}

func TestAResultWhoseAnswerIsLostIsHandedOverAgain(t *testing.T) {
	answerTest(t, func(t *testing.T, sink *distantSink, s *CompletionProcessorService) {
		sink.answers = errors.New("the connection is gone")
		one := result(0)
		require.Equal(t, 1, s.TrySend([]*Completion{one}))
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []*Completion{one}, sink.accepted)
	})
}

func TestAResultThatCannotBeBegunIsHandedOver(t *testing.T) {
	answerTest(t, func(t *testing.T, sink *distantSink, s *CompletionProcessorService) {
		sink.begins = false
		one := result(0)
		require.Equal(t, 1, s.TrySend([]*Completion{one}))
		synctest.Wait()
		require.Nil(t, s.Watch(&FfiDispatchChannel{}))
		require.Equal(t, []*Completion{one}, sink.accepted)
	})
}

func TestABusyWorkerBeginsNoResults(t *testing.T) {
	answerTest(t, func(t *testing.T, sink *distantSink, s *CompletionProcessorService) {
		busy := runtime.NumCPU() + 1
		s.slots = NewSlots(busy)
		require.Equal(t, busy, s.slots.TryAcquire(busy))
		require.Equal(t, 1, s.TrySend([]*Completion{result(0)}))
		synctest.Wait()
		require.Empty(t, sink.begun)
		require.Len(t, sink.accepted, 1)
	})
}

func TestResultsThatComeWhileOneIsOnItsWayFollowIt(t *testing.T) {
	answerTest(t, func(t *testing.T, sink *distantSink, s *CompletionProcessorService) {
		first, second := result(0), result(0)
		sink.ended = func(context.Context) { require.Empty(t, sink.accepted) }
		require.Equal(t, 1, s.TrySend([]*Completion{first}))
		require.Equal(t, 1, s.TrySend([]*Completion{second}))
		require.Equal(t, 2, s.TrySend([]*Completion{result(1), result(1)}), "those of other tasks too")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []*Completion{first}, sink.begun)
		require.Len(t, sink.accepted, 3)
	})
}

func TestAnAnswerThatNeverComesDoesNotKeepTheServiceFromStopping(t *testing.T) {
	for name, before := range map[string]func(*CompletionProcessorService){
		"watched":   func(s *CompletionProcessorService) { s.Watch(&FfiDispatchChannel{}) },
		"unwatched": func(*CompletionProcessorService) { time.Sleep(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			answerTest(t, func(t *testing.T, sink *distantSink, s *CompletionProcessorService) {
				sink.takes = 24 * time.Hour
				require.Equal(t, 1, s.TrySend([]*Completion{result(0)}))
				before(s)
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				require.ErrorContains(t, s.Stop(ctx), "given up")
			})
		})
	}
}

// A step that follows from an answer which the host itself received is polled by that very thread: to wake another one for it would be
// in its way. All others are announced.
func TestAStepIsAnnouncedUnlessTheHostItselfReceivedTheAnswerThatLedToIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 4, FfiConfig{})
		defer h.stop()
		leadTo := func(received *FfiDispatchChannel) (announced int32) {
			before := h.ready.Load()
			require.Equal(t, 1, h.slots.TryAcquire(1))
			h.Dispatch(context.WithValue(t.Context(), receiverKey{}, received), h.message(time.Hour))
			got := h.poll(1)
			require.Len(t, got, 1)
			require.NoError(t, h.Complete(got[0].Event, success()))
			synctest.Wait()
			return h.ready.Load() - before
		}
		require.Zero(t, leadTo(h.FfiDispatchChannel))
		require.EqualValues(t, 1, leadTo(&FfiDispatchChannel{}))
		h.cold = true
		require.EqualValues(t, 1, leadTo(h.FfiDispatchChannel), "it was not there yet when the host polled")
	})
}
