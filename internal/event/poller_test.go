package event

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestAPollerKeepsTheNewestEventsOfItsPatterns(t *testing.T) {
	t.Parallel()
	bus := NewBus(BusConfig{QueueSize: 3})
	poller, err := bus.NewPoller("order.*", "stock.low")
	require.NoError(t, err)
	everything, err := bus.NewPoller()
	require.NoError(t, err)
	require.Nil(t, poller.Poll(10))

	publishAll(t, bus, "order.paid", "mail.sent", "stock.low", "order.sent")
	<-poller.Ready()
	require.Equal(t, []string{"order.paid"}, names(poller.Poll(0)))
	<-poller.Ready() // there is more
	require.Equal(t, []string{"stock.low", "order.sent"}, names(poller.Poll(10)))
	require.Zero(t, poller.Dropped())

	publishAll(t, bus, "order.1", "order.2", "order.3", "order.4", "order.5")
	require.Equal(t, []string{"order.3", "order.4"}, names(poller.Poll(2)))
	require.EqualValues(t, 2, poller.Dropped())
	require.Equal(t, []string{"order.3", "order.4", "order.5"}, names(everything.Poll(10)))

	stats := bus.Stats()
	require.Equal(t, 2, stats.FFISubscriberCount)
	require.EqualValues(t, 8+9, stats.FFIChannelDispatches)
	require.EqualValues(t, 2+6, stats.FFIChannelDrops)

	poller.Close()
	poller.Close()
	publishAll(t, bus, "order.6")
	require.Equal(t, []string{"order.5"}, names(poller.Poll(10)), "what waited can still be polled")
	require.Equal(t, 1, bus.Stats().FFISubscriberCount)
}

func TestPollersAreSafeForManyGoroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const publishers, each = 4, 250
		bus := NewBus(BusConfig{QueueSize: publishers * each})
		poller, err := bus.NewPoller()
		require.NoError(t, err)
		polled := make(chan int)
		for range publishers {
			go func() {
				for range each {
					_ = bus.Publish(named("order.paid"))
				}
			}()
			go func() {
				n := 0
				for range each {
					n += len(poller.Poll(3))
				}
				polled <- n
			}()
		}
		total := 0
		for range publishers {
			total += <-polled
		}
		synctest.Wait()
		total += len(poller.Poll(publishers * each))
		require.Equal(t, publishers*each, total)
		require.Zero(t, poller.Dropped())
	})
}
