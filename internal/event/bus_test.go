package event

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPatternsMatchWholeNamesPrefixesOrAll(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pattern, event string
		want           bool
	}{
		"the whole name":                    {"order.paid", "order.paid", true},
		"another name":                      {"order.paid", "order.paid.late", false},
		"below a prefix":                    {"order.*", "order.paid", true},
		"deep below a prefix":               {"order.*", "order.item.shipped", true},
		"a prefix of two parts":             {"order.item.*", "order.item.shipped", true},
		"beside a prefix of two parts":      {"order.item.*", "order.paid", false},
		"a prefix ends at a dot":            {"order.*", "orders.paid", false},
		"a prefix alone is not below":       {"order.paid.*", "order.paid", false},
		"a star matches all":                {"*", "order.paid", true},
		"a dot in a name is no placeholder": {"order.paid", "orderxpaid", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := parsePattern(tt.pattern)
			require.NoError(t, err)
			require.Equal(t, tt.want, p.matches(tt.event))
		})
	}
}

func TestAPatternThatMatchesNothingIsRefused(t *testing.T) {
	t.Parallel()
	bus := NewBus(BusConfig{})
	for _, pattern := range []string{"", "order", "order*", "*.paid", "order.*.late", "Order.paid", ".*", "order..paid", "**"} {
		_, err := bus.Subscribe(pattern, func(context.Context, DomainEvent) error { return nil })
		require.ErrorContains(t, err, fmt.Sprintf("%q matches no event", pattern))
		_, err = bus.NewPoller("order.paid", pattern)
		require.ErrorContains(t, err, fmt.Sprintf("%q matches no event", pattern))
	}
	require.Equal(t, BusStats{}, bus.Stats())
}

// collect subscribes and returns what was received so far.
func collect(t *testing.T, bus *Bus, pattern string) (*Subscription, func() []string) {
	t.Helper()
	received := &memoryQueue{}
	sub, err := bus.Subscribe(pattern, func(ctx context.Context, e DomainEvent) error {
		return received.Publish(ctx, "shop", []DomainEvent{e})
	})
	require.NoError(t, err)
	return sub, func() []string { return received.names("shop") }
}

func publishAll(t *testing.T, bus *Bus, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, bus.Publish(named(name)))
	}
}

func TestEachSubscriberReceivesWhatItAskedForInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := NewBus(BusConfig{})
		_, exact := collect(t, bus, "order.paid")
		_, below := collect(t, bus, "order.*")
		_, all := collect(t, bus, "*")
		publishAll(t, bus, "order.paid", "stock.low", "order.sent")
		synctest.Wait()
		require.Equal(t, []string{"order.paid"}, exact())
		require.Equal(t, []string{"order.paid", "order.sent"}, below())
		require.Equal(t, []string{"order.paid", "stock.low", "order.sent"}, all())
		require.Equal(t, BusStats{TotalEventsDispatched: 3, HandlerDispatches: 6, SubscriberPatterns: 3, HandlerCount: 3}, bus.Stats())
		require.NoError(t, bus.Close(t.Context()))
	})
}

func TestASlowSubscriberLosesItsOldestEventsAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := NewBus(BusConfig{QueueSize: 3})
		release := make(chan struct{})
		var got []string
		slow, err := bus.Subscribe("*", func(_ context.Context, e DomainEvent) error {
			<-release
			got = append(got, e.EventName)
			return nil
		})
		require.NoError(t, err)
		publishAll(t, bus, "e.0")
		synctest.Wait() // the subscriber holds the first
		_, quick := collect(t, bus, "*")
		for i := 1; i <= 6; i++ {
			publishAll(t, bus, fmt.Sprintf("e.%d", i))
			synctest.Wait()
		}
		require.Equal(t, []string{"e.1", "e.2", "e.3", "e.4", "e.5", "e.6"}, quick())
		close(release)
		synctest.Wait()
		require.Equal(t, []string{"e.0", "e.4", "e.5", "e.6"}, got)
		require.Equal(t, SubscriptionStats{Handled: 4, Dropped: 3}, slow.Stats())
		require.EqualValues(t, 3, bus.Stats().HandlerDrops)
		require.NoError(t, bus.Close(t.Context()))
	})
}

func TestAFailingSubscriberIsLoggedAndGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logs logbook
		bus := NewBus(BusConfig{Logger: logs.logger()})
		errBroken := errors.New("mail server is away")
		sub, err := bus.Subscribe("order.*", func(_ context.Context, e DomainEvent) error {
			if e.EventName == "order.sent" {
				panic("no such customer")
			}
			return errBroken
		})
		require.NoError(t, err)
		_, other := collect(t, bus, "*")
		publishAll(t, bus, "order.paid")
		synctest.Wait()
		require.ErrorIs(t, sub.Stats().LastError, errBroken)
		publishAll(t, bus, "order.sent")
		synctest.Wait()
		stats := sub.Stats()
		require.ErrorContains(t, stats.LastError, "subscriber panicked: no such customer")
		require.Equal(t, [2]uint64{2, 2}, [2]uint64{stats.Handled, stats.Failed})
		require.EqualValues(t, 2, bus.Stats().HandlerErrors)
		require.Len(t, logs.lines("a subscriber failed on a domain event"), 2)
		require.Len(t, logs.lines("bus_test.go"), 1, "the panic's stack")
		require.Equal(t, []string{"order.paid", "order.sent"}, other())
		require.NoError(t, bus.Close(t.Context()))
	})
}

func TestASubscriberThatEndsItsGoroutineIsGivenAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := NewBus(BusConfig{})
		var got []string
		sub, err := bus.Subscribe("*", func(_ context.Context, e DomainEvent) error {
			if e.EventName == "e.1" {
				runtime.Goexit()
			}
			got = append(got, e.EventName)
			return nil
		})
		require.NoError(t, err)
		publishAll(t, bus, "e.1", "e.2")
		synctest.Wait()
		require.Equal(t, []string{"e.2"}, got)
		require.Equal(t, SubscriptionStats{Handled: 2, Failed: 1, LastError: errGoroutineEnded}, sub.Stats())
		require.NoError(t, bus.Close(t.Context()))
	})
}

func TestUnsubscribeForgetsWhatWaitsAndCancelsWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := NewBus(BusConfig{})
		calls := 0
		sub, err := bus.Subscribe("*", func(ctx context.Context, _ DomainEvent) error {
			calls++
			<-ctx.Done()
			return nil
		})
		require.NoError(t, err)
		publishAll(t, bus, "e.1", "e.2")
		synctest.Wait()
		sub.Unsubscribe()
		sub.Unsubscribe()
		publishAll(t, bus, "e.3")
		synctest.Wait()
		require.Equal(t, 1, calls)
		require.Zero(t, bus.Stats().HandlerCount)
	})
}

func TestASubscriberMayUnsubscribeItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := NewBus(BusConfig{})
		calls := 0
		var sub *Subscription
		sub, err := bus.Subscribe("*", func(context.Context, DomainEvent) error {
			calls++
			sub.Unsubscribe()
			return nil
		})
		require.NoError(t, err)
		publishAll(t, bus, "e.1", "e.2")
		synctest.Wait()
		require.Equal(t, 1, calls)
	})
}

func TestCloseLetsSubscribersFinishWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := NewBus(BusConfig{})
		var got []string
		_, err := bus.Subscribe("*", func(_ context.Context, e DomainEvent) error {
			time.Sleep(time.Second)
			got = append(got, e.EventName)
			return nil
		})
		require.NoError(t, err)
		publishAll(t, bus, "e.1", "e.2", "e.3")
		require.NoError(t, bus.Close(t.Context()))
		require.Equal(t, []string{"e.1", "e.2", "e.3"}, got)
		require.NoError(t, bus.Close(t.Context()))

		require.ErrorIs(t, bus.Publish(named("e.4")), ErrBusClosed)
		_, err = bus.Subscribe("*", func(context.Context, DomainEvent) error { return nil })
		require.ErrorIs(t, err, ErrBusClosed)
		_, err = bus.NewPoller()
		require.ErrorIs(t, err, ErrBusClosed)
	})
}

func TestCloseGivesUpOnSlowSubscribersInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := NewBus(BusConfig{})
		var cause error
		_, err := bus.Subscribe("*", func(ctx context.Context, _ DomainEvent) error {
			<-ctx.Done()
			cause = ctx.Err()
			return cause
		})
		require.NoError(t, err)
		publishAll(t, bus, "e.1", "e.2", "e.3")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = bus.Close(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "subscribers did not finish 3 events")
		synctest.Wait()
		require.ErrorIs(t, cause, context.Canceled)
	})
}
