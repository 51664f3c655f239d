package e2e

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestACancelledHandlerIsToldAndItsResultChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(2)...)
	n := w.node(t, role{Handlers: allHandlers})
	for _, stubborn := range []bool{false, true} {
		lasts := time.Hour
		if stubborn {
			lasts = 600 * time.Millisecond
		}
		task := w.submit(t, n, "linear", map[string]conduct{"s1": {MS: int(lasts.Milliseconds()), Stubborn: stubborn}})
		began := w.effectOf(t, task, "s1", "start", 1).At
		_, err := w.store.CancelTask(t.Context(), task, "test", "no longer wanted")
		require.NoError(t, err)
		awaitSlots(t, n.Worker.Slots, 0)
		require.Equal(t, stubborn, time.Since(began) >= lasts, "only a stubborn handler goes on")
		require.Equal(t, "cancelled", w.taskState(t, task))
		require.Equal(t, "cancelled", w.step(t, task, "s1").State)
		require.Equal(t, "cancelled", w.step(t, task, "s2").State)
	}
	w.requireIntact(t)
}

func TestTasksThatAreCancelledWhileTheyRunAreEitherCompleteOrCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.registerShapes(t)
	front := w.node(t, role{})
	w.worker(t, "left", role{Slots: 20, Handlers: []string{"work", "left"}})
	w.worker(t, "right", role{Slots: 20, Handlers: []string{"work", "right"}})
	var mu sync.Mutex
	want := map[sdk.UUID]string{}
	var wg sync.WaitGroup
	for client := range 4 {
		random := rand.New(rand.NewPCG(uint64(client), 0))
		wg.Go(func() {
			for n := range 60 {
				made, err := front.submit(t.Context(), mixed(3)(n))
				if err != nil {
					t.Errorf("submit: %v", err)
					return
				}
				<-time.After(time.Duration(random.IntN(60)) * time.Millisecond) // how far the task is then is up to chance
				_, err = w.store.CancelTask(t.Context(), made.TaskUUID, "test", "")
				mu.Lock()
				switch {
				case err == nil:
					want[made.TaskUUID] = "cancelled"
				case errors.Is(err, store.ErrConflict):
					want[made.TaskUUID] = "complete"
				default:
					t.Errorf("cancel: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	w.settled(t, patience)
	ends := map[string]int{}
	for task, state := range want {
		require.Equal(t, state, w.taskState(t, task))
		ends[state]++
	}
	t.Logf("%v", ends)
	require.Greater(t, ends["cancelled"], 20)
	w.eventually(t, patience, 0, `select count(*) from tasker.workflow_steps where state in ('in_progress', 'enqueued')`)
	w.requireIntact(t)
}
