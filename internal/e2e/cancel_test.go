package e2e

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
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
	w.register(t, "pair", step("heedful"), step("stubborn"), step("next", "heedful", "stubborn"))
	n := w.node(t, role{Handlers: allHandlers})
	until := filepath.Join(w.dir, "until")
	task := w.submit(t, n, "pair", map[string]conduct{"heedful": {MS: 3_600_000}, "stubborn": {Until: until, Stubborn: true}})
	w.effectOf(t, task, "heedful", "start", 1)
	w.effectOf(t, task, "stubborn", "start", 1)
	_, err := w.store.CancelTask(t.Context(), task, "test", "no longer wanted")
	require.NoError(t, err)
	awaitSlots(t, n.Worker.Slots, 1) // only the stubborn handler goes on
	let(t, until, 1)
	awaitSlots(t, n.Worker.Slots, 0)
	require.Equal(t, []int{0, 1}, []int{w.seen(t, "heedful", "end"), w.seen(t, "stubborn", "end")})
	require.Equal(t, "cancelled", w.taskState(t, task))
	for _, name := range []string{"heedful", "stubborn", "next"} {
		require.Equal(t, "cancelled", w.step(t, task, name).State)
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
