package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// W14: two servers and two workers, and a burst of tasks at both servers.
func TestABurstAtTwoServersIsDoneOnceByTwoWorkersOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, _ transport) {
		w.registerShapes(t)
		fronts := []*node{w.node(t, role{Queued: true}), w.node(t, role{Queued: true})}
		w.worker(t, "first", role{Slots: 8, Queued: true})
		w.worker(t, "second", role{Slots: 8, Queued: true})
		asked := make(chan error)
		for n := range 25 {
			go func() {
				_, err := w.trySubmit(t.Context(), fronts[n%2], request(shapes[n%len(shapes)], nil))
				asked <- err
			}()
		}
		for range 25 {
			require.NoError(t, <-asked)
		}
		w.settled(t, patience)
		require.Equal(t, 25, w.db.Count(t, "select count(*) from tasker.tasks where state = 'complete'"))
		w.requireNothingLost(t)
		w.requireOnce(t)
	})
}
