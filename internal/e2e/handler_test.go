package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
)

func TestAStepThatKillsItsWorkersEndsInErrorAndOtherTasksGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	poison := step("s1")
	poison.Retry.MaxCrashes = 2
	w.register(t, "poison", poison, step("s2", "s1"))
	w.register(t, "linear", linear(2)...)
	front := w.node(t, role{})
	task := w.submit(t, front, "poison", map[string]conduct{"s1": {Die: 99}})
	for n := 1; n <= 2; n++ {
		victim := w.worker(t, "victim", role{Lease: shortLease})
		require.Equal(t, 9, victim.wait(t, patience))
	}
	w.worker(t, "survivor", role{})
	healthy := w.submit(t, front, "linear", nil)
	require.Equal(t, "complete", w.taskState(t, healthy))
	require.Equal(t, "blocked_by_failures", w.taskState(t, task))
	s1 := w.step(t, task, "s1")
	require.Equal(t, "worker_lost", s1.Type)
	require.Contains(t, s1.Error, "stopped sending heartbeats while it ran the step")
	require.Equal(t, []int{2, 2}, []int{s1.Attempt, s1.Crashes})
	require.Equal(t, "pending", w.step(t, task, "s2").State)
	w.requireIntact(t)
}

func TestAHungHandlerIsTimedOutAndKeepsItsSlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "hang", retried(2, step("s1")), step("s2", "s1"))
	w.register(t, "linear", linear(1)...)
	n := w.node(t, role{Handlers: allHandlers, Slots: 2, HandlerTimeout: 150 * time.Millisecond, Grace: time.Millisecond})
	task := w.submit(t, n, "hang", map[string]conduct{"s1": {Return: "hang"}})
	require.Equal(t, "blocked_by_failures", w.taskState(t, task))
	s1 := w.step(t, task, "s1")
	require.Equal(t, stepRow{State: "error", Attempt: 2, Error: "handler work timed out after 150ms", Type: "handler_timeout"}, s1)
	require.Equal(t, 2, n.Worker.Slots.InUse(), "a handler that still runs has given its slot away")

	starved := w.submit(t, n, "linear", nil)
	w.node(t, role{Handlers: allHandlers})
	require.Equal(t, "complete", w.taskState(t, starved), "a worker without a free slot keeps steps from others")
	require.Equal(t, 2, n.Worker.Slots.InUse())
	w.requireIntact(t)
}

// E11
func TestPanicsAndMisuseFailTheStepAndNotTheWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers, Slots: 4})
	forms.Each(t, func(t *testing.T, form forms.Form) {
		one := "one " + string(form)
		w.register(t, one, in(form, retried(3, step("s1")))...)
		group(t, misuses, func(t *testing.T, m misuse) {
			task := w.submit(t, n, one, map[string]conduct{"s1": m.conduct})
			require.Equal(t, "blocked_by_failures", w.taskState(t, task))
			s := w.step(t, task, "s1")
			require.Equal(t, "error", s.State)
			require.Equal(t, m.attempts, s.Attempt)
			require.Equal(t, m.kind, s.Type)
			require.Contains(t, s.Error, m.message)
		})
		require.Equal(t, "complete", w.taskState(t, w.submit(t, n, one, nil)), "the worker lives")
	})
	w.requireIntact(t)
	awaitSlots(t, n.Worker.Slots, 0)
}

// misuse is a conduct that fails its step, and how.
type misuse struct {
	conduct       conduct
	kind, message string
	attempts      int
}

var misuses = map[string]misuse{
	"a panic":         {conduct{Panic: 9, Error: "boom"}, "handler_panic", "boom", 1},
	"Goexit":          {conduct{Return: "goexit"}, "handler_panic", "Goexit", 1},
	"a permanent one": {conduct{Fail: 9, Permanent: true}, "permanent_error", "fails as asked", 1},
	"a retryable one": {conduct{Fail: 9}, "handler_error", "attempt 3 fails as asked", 3},
	"an odd result":   {conduct{Return: "no such result"}, "permanent_error", "unknown result", 1},
}

// group runs the cases side by side and returns when all are done.
func group[C any](t *testing.T, cases map[string]C, test func(t *testing.T, c C)) {
	t.Run("cases", func(t *testing.T) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
	})
}

// E10. A handler that nobody has, has no form.
func TestAStepWhoseHandlerNobodyHasFailsWithinTheGrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "unknown", by("nobody", step("s1")))
	n := w.node(t, role{Handlers: allHandlers, UnknownHandlerGrace: 300 * time.Millisecond})
	promptly(t, 300*time.Millisecond+2*time.Second, func() time.Duration {
		asked := time.Now()
		task := w.submit(t, n, "unknown", nil)
		require.Equal(t, "blocked_by_failures", w.taskState(t, task))
		took := time.Since(asked)
		require.Equal(t, stepRow{State: "error", Error: "Handler not found: nobody", Type: "handler_not_found"}, w.step(t, task, "s1"))
		return took
	})
	w.requireIntact(t)
}

// E10: a handler without methods has none that a template could name, whatever its form, and no resolver but the registry.
func TestAStepWhoseMethodOrResolverIsUnknownFailsForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers})
	forms.Each(t, func(t *testing.T, form forms.Form) {
		unknown, method, resolver := "unknown "+string(form), retried(3, step("method")), retried(3, step("resolver"))
		rob, guess := "rob", "guess"
		method.Handler.Method, resolver.Handler.Resolver = &rob, &guess
		w.register(t, unknown, in(form, method, resolver)...)
		task := w.submit(t, n, unknown, nil)
		for name, says := range map[string]string{"method": `has no method "rob"`, "resolver": `the resolver "guess"`} {
			w.eventually(t, patience, 1, `select count(*) from tasker.workflow_steps where task_uuid = $1 and name = $2 and state = 'error'`, task, name)
			s := w.step(t, task, name)
			require.Equal(t, 1, s.Attempt)
			require.Equal(t, "handler_not_found", s.Type)
			require.Contains(t, s.Error, says)
		}
	})
	w.requireIntact(t)
}

// E12: what a handler returns when its time is up counts no more.
func TestAResultThatComesAfterTheTimeoutIsNotTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers, HandlerTimeout: 100 * time.Millisecond})
	forms.Each(t, func(t *testing.T, form forms.Form) {
		late := "late " + string(form)
		w.register(t, late, in(form, retried(2, step("s1")))...)
		task := w.submit(t, n, late, map[string]conduct{"s1": {MS: 400, Stubborn: true}})
		require.Equal(t, "blocked_by_failures", w.taskState(t, task))
		want := stepRow{State: "error", Attempt: 2, Error: "handler " + form.Of("work") + " timed out after 100ms", Type: "handler_timeout"}
		require.Equal(t, want, w.step(t, task, "s1"), "a timeout can be retried")
		w.effectOf(t, task, "s1", "end", 2)
		require.Eventually(t, func() bool { return w.step(t, task, "s1") == want }, patience, tick)
		require.Zero(t, w.db.Count(t, `select count(*) from tasker.step_transitions where task_uuid = $1 and 'complete' = any(path)`, task))
	})
	awaitSlots(t, n.Worker.Slots, 0)
	w.requireIntact(t)
}
