package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
)

// W14: two servers and two workers, and a burst of tasks at both servers. The workers share most steps, and each has some that the
// other cannot run.
func TestABurstAtTwoServersIsDoneOnceByTwoWorkersOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, _ transport) {
		for _, form := range forms.All {
			for name, steps := range stepsOfShapes() {
				w.register(t, name+" "+string(form), in(form, steps...)...)
			}
		}
		servers := []*process{w.server(t, "s1", role{Queued: true}), w.server(t, "s2", role{Queued: true})}
		workers := map[string]*process{
			"left":  w.worker(t, "first", role{Slots: 8, Queued: true, Handlers: []string{"work", "left"}}),
			"right": w.worker(t, "second", role{Slots: 8, Queued: true, Handlers: []string{"work", "right"}}),
		}
		forms.Each(t, func(t *testing.T, form forms.Form) {
			asked := make(chan error)
			for n := range 25 {
				go func() {
					_, err := w.trySubmit(t.Context(), servers[n%2], request(shapes[n%len(shapes)]+" "+string(form), nil))
					asked <- err
				}()
			}
			for range 25 {
				require.NoError(t, <-asked)
			}
			w.eventually(t, patience, 25, `select count(*) from tasker.tasks join tasker.task_templates using (template_id)
				where state = 'complete' and name like '% ' || $1`, string(form))
		})
		w.requireNothingLost(t)
		w.requireOnce(t)
		for _, e := range w.effects(t) {
			if worker := workers[map[string]string{"a": "left", "b": "right"}[e.Step]]; worker != nil {
				require.Equal(t, worker.cmd.Process.Pid, e.PID, "both workers take part")
			}
		}
	})
}
