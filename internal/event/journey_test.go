package event

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

func TestEventsGoFromAStepToPostgreSQL(t *testing.T) {
	t.Parallel()
	db := openStore(t)
	var logs logbook
	s := New(NewStorePublisher(db), Config{FiredBy: "worker-1", Logger: logs.logger(), DrainTimeout: testkit.Patience})
	poller, err := s.Bus().NewPoller("order.*")
	require.NoError(t, err)
	s.Start()
	const steps = 200
	for i := range steps {
		require.True(t, s.Dispatch(t.Context(), succeeded(fmt.Sprintf(`{"no":%d}`, i),
			declare("order.paid", by(template.DeliverBroadcast)), declare("order.done", schema(t, `{"required":["no"]}`)))))
	}
	require.NoError(t, s.Stop(t.Context()))

	durable := read(t, db, "shop")
	require.Len(t, durable, 2*steps)
	fast := poller.Poll(2 * steps)
	require.Len(t, fast, steps)
	for i := range steps {
		paid, done := durable[2*i], durable[2*i+1]
		require.Equal(t, fast[i].EventID, paid.EventID)
		require.Equal(t, []string{"order.paid", "order.done"}, []string{paid.EventName, done.EventName})
		require.JSONEq(t, fmt.Sprintf(`{"no":%d}`, i), string(done.Payload.Payload))
		require.Equal(t, fast[i].Metadata.TaskUUID, paid.Metadata.TaskUUID)
		require.WithinDuration(t, fast[i].Metadata.FiredAt.Time, paid.Metadata.FiredAt.Time, 0)
		require.True(t, paid.Payload.ExecutionResult.Success)
	}
	stats := s.Stats()
	require.Equal(t, SystemStats{EventsDispatched: 2 * steps, Published: 2 * steps, Durable: steps, Broadcast: steps, ChannelCapacity: 1000}, stats.System)
	require.Equal(t, RouterStats{TotalRouted: 2 * steps, DurableRouted: steps, BroadcastRouted: steps}, stats.Router)
	require.Empty(t, logs.lines("level"))
}
