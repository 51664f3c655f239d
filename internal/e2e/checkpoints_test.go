package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
)

// counting is a step that works off items, and how that goes.
type counting struct {
	conduct conduct
	state   string
	attempt int
	first   int // the item that the last attempt begins with
	calls   int // of the handler: one more for each checkpoint and each attempt
}

func TestAStepCountsEachItemOnceFromCheckpointToCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers, Slots: 20})
	for _, form := range forms.All {
		w.register(t, string(form), in(form, retried(3, step("s1")))...)
	}
	group(t, map[string]counting{
		"C1 a hundred in four parts":        {conduct{Items: 100, Every: 25}, "complete", 1, 0, 4},
		"C2 it fails in the third part":     {conduct{Items: 100, Every: 20, FailAt: 50}, "complete", 2, 40, 6},
		"C2 it fails in the first part":     {conduct{Items: 100, Every: 25, FailAt: 10}, "complete", 2, 0, 5},
		"C3 it fails for good":              {conduct{Items: 100, Every: 25, FailAt: 50, Permanent: true}, "error", 1, 0, 3},
		"C4 item by item":                   {conduct{Items: 30, Every: 1}, "complete", 1, 0, 30},
		"C5 no items":                       {conduct{Items: 0, Every: 25}, "complete", 1, 0, 1},
		"C6 one part for all":               {conduct{Items: 100, Every: 100}, "complete", 1, 0, 1},
		"C7 it fails right at a part's end": {conduct{Items: 100, Every: 25, FailAt: 50}, "complete", 2, 50, 5},
	}, func(t *testing.T, c counting) {
		forms.Each(t, func(t *testing.T, form forms.Form) {
			task := w.submit(t, n, string(form), map[string]conduct{"s1": c.conduct})
			w.taskState(t, task)
			s := w.step(t, task, "s1")
			require.Equal(t, c.state, s.State)
			require.Equal(t, c.attempt, s.Attempt)
			calls, items := 0, []string{}
			for _, e := range w.effects(t) {
				switch {
				case e.Task != task:
				case e.Kind == "start":
					calls++
				case e.Attempt == c.attempt && strings.HasPrefix(e.Kind, "item "):
					items = append(items, e.Kind)
				}
			}
			require.Equal(t, c.calls, calls, "the handler is called once more after each checkpoint")
			if c.state != "complete" {
				return
			}
			want := []string{}
			for item := c.first; item < c.conduct.Items; item++ {
				want = append(want, fmt.Sprint("item ", item))
			}
			require.Equal(t, want, items, "it goes on from the last checkpoint")
			steps, err := w.store.Steps(t.Context(), task, true)
			require.NoError(t, err)
			sum := c.conduct.Items * (c.conduct.Items - 1) / 2
			require.JSONEq(t, fmt.Sprintf(`{"items": %d, "sum": %d}`, c.conduct.Items, sum), string(steps[0].Results.Result), "each item counts once")
		})
	})
	w.requireIntact(t)
}
