package event

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

func TestStopPublishesWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := newGate()
		s := New(queue, Config{BatchSize: 1})
		var handled []string
		_, err := s.Bus().Subscribe("*", func(_ context.Context, e DomainEvent) error {
			time.Sleep(time.Second)
			handled = append(handled, e.EventName)
			return nil
		})
		require.NoError(t, err)
		s.Start()
		s.Start()
		for range 3 {
			require.True(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid", by(template.DeliverBroadcast)))))
		}
		<-queue.entered
		stopped := make(chan error)
		go func() { stopped <- s.Stop(t.Context()) }()
		synctest.Wait()
		require.False(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.late"))), "nothing is taken any more")
		queue.open <- struct{}{}
		for range 2 {
			<-queue.entered
			queue.open <- struct{}{}
		}
		require.NoError(t, <-stopped)
		require.Len(t, queue.names("shop"), 3)
		require.Len(t, handled, 3)
		require.Equal(t, SystemStats{EventsDispatched: 3, Published: 3, Broadcast: 3, Dropped: 1, ChannelCapacity: 1000}, s.Stats().System)
		require.ErrorIs(t, s.Bus().Publish(named("order.late")), ErrBusClosed)
		require.NoError(t, s.Stop(t.Context()))
	})
}

func TestStopGivesUpWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := newGate() // is never opened
		s := New(queue, Config{BatchSize: 1, PublishTimeout: time.Hour})
		s.Start()
		for range 3 {
			require.True(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid"), declare("order.done"))))
		}
		<-queue.entered
		began := time.Now()
		err := s.Stop(t.Context())
		require.EqualError(t, err, "stop the domain event system: 6 events were not published in time")
		require.Equal(t, 5*time.Second, time.Since(began))
		synctest.Wait() // what ran is cancelled, what waited is dropped
		require.Equal(t, SystemStats{EventsDispatched: 6, Failed: 2, Dropped: 4, ChannelCapacity: 1000}, s.Stats().System)
		require.Zero(t, s.counters.pending())
	})
}

func TestStopEndsWithItsContextAndReportsSubscribersToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queue memoryQueue
		s := New(&queue, Config{})
		_, err := s.Bus().Subscribe("*", func(ctx context.Context, _ DomainEvent) error {
			<-ctx.Done()
			return ctx.Err()
		})
		require.NoError(t, err)
		s.Start()
		require.True(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid", by(template.DeliverFast)))))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorContains(t, s.Stop(ctx), "subscribers did not finish 1 events")
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestAPublisherThatHangsCannotHoldUpAStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		s := New(&memoryQueue{}, Config{DrainTimeout: time.Second})
		require.NoError(t, s.Publishers().Register(&customPublisher{should: func() bool { <-hung; return true }}))
		s.Start()
		require.True(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid", shapedBy("Orders")))))
		require.ErrorContains(t, s.Stop(t.Context()), "1 events were not published in time")
		close(hung)
		synctest.Wait()
		require.EqualValues(t, 1, s.Stats().System.Published+s.Stats().System.Failed)
	})
}

func TestASystemThatNeverRanStopsAtOnceAndTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(&memoryQueue{}, Config{})
		require.False(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid"))))
		require.NoError(t, s.Stop(t.Context()))
		s.Start()
		require.False(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid"))))
		require.EqualValues(t, 2, s.Stats().System.Dropped)
	})
}
