package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
)

// E13. What Python and Ruby call FFI_SERIALIZATION_ERROR is result_refused in Go, which hands results over as they are.
func TestWhatPostgreSQLDoesNotTakeFailsItsStepForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers, Slots: 50})
	kinds := map[string]string{}
	for kind := range hostile {
		kinds[kind] = kind
	}
	for _, kind := range []string{"hostile metadata", "impossible metadata", "hostile error", "impossible error", "huge error", "hostile panic"} {
		kinds[kind] = kind
	}
	forms.Each(t, func(t *testing.T, form forms.Form) {
		one := "one " + string(form)
		w.register(t, one, in(form, retried(3, step("s1")))...)
		group(t, kinds, func(t *testing.T, kind string) {
			task := w.submit(t, n, one, map[string]conduct{"s1": {Return: kind}})
			neighbour := w.submit(t, n, one, nil)
			require.Equal(t, "blocked_by_failures", w.taskState(t, task))
			s := w.step(t, task, "s1")
			require.Equal(t, "error", s.State)
			require.Equal(t, 1, s.Attempt)
			require.NotEmpty(t, s.Error)
			require.LessOrEqual(t, len(s.Error), 64<<10)
			if _, ok := hostile[kind]; ok {
				require.Equal(t, "result_refused", s.Type)
				require.LessOrEqual(t, len(s.Error), 500)
			}
			require.Equal(t, "complete", w.taskState(t, neighbour), "bad data fails more than its own step")
		})
	})
	w.requireIntact(t)
	awaitSlots(t, n.Worker.Slots, 0)
}
