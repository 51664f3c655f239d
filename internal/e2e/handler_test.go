package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
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
		victim := w.worker(t, "victim", role{Lease: 500 * time.Millisecond})
		require.Equal(t, 9, victim.wait(t, patience))
	}
	w.worker(t, "survivor", role{Lease: 500 * time.Millisecond})
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

func TestPanicsAndMisuseFailTheStepAndNotTheWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "one", retried(3, step("s1")))
	n := w.node(t, role{Handlers: allHandlers, Slots: 4})
	group(t, map[string]misuse{
		"a panic":         {conduct{Panic: 9, Error: "boom"}, "handler_panic", "boom", 1},
		"Goexit":          {conduct{Return: "goexit"}, "handler_panic", "Goexit", 1},
		"a permanent one": {conduct{Fail: 9, Permanent: true}, "permanent_error", "fails as asked", 1},
		"a retryable one": {conduct{Fail: 9}, "handler_error", "attempt 3 fails as asked", 3},
		"an odd result":   {conduct{Return: "no such result"}, "permanent_error", "unknown result", 1},
	}, func(t *testing.T, m misuse) {
		task := w.submit(t, n, "one", map[string]conduct{"s1": m.conduct})
		require.Equal(t, "blocked_by_failures", w.taskState(t, task))
		s := w.step(t, task, "s1")
		require.Equal(t, "error", s.State)
		require.Equal(t, m.attempts, s.Attempt)
		require.Equal(t, m.kind, s.Type)
		require.Contains(t, s.Error, m.message)
	})
	w.requireIntact(t)
	require.Zero(t, n.Worker.Slots.InUse())
}

// misuse is a conduct that fails its step, and how.
type misuse struct {
	conduct       conduct
	kind, message string
	attempts      int
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

func TestAttemptsEndWhereTheTemplateSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers, Slots: 10})
	never := func(attempts int32) template.StepDefinition {
		s := retried(attempts, step("s1"))
		s.Retry.Retryable = false
		return s
	}
	group(t, map[string]ending{
		"E1 success":                            {retried(3, step("s1")), conduct{}, "complete", 1},
		"E2 permanent":                          {retried(3, step("s1")), conduct{Fail: 9, Permanent: true}, "error", 1},
		"E3 retryable without end":              {retried(3, step("s1")), conduct{Fail: 9}, "error", 3},
		"E4 two failures before success":        {retried(5, step("s1")), conduct{Fail: 2}, "complete", 3},
		"E5 exhausted":                          {retried(3, step("s1")), conduct{Fail: 10}, "error", 3},
		"E7 none allowed, one is made":          {retried(0, step("s1")), conduct{Fail: 9}, "error", 1},
		"E7 none allowed, the one succeeds":     {retried(0, step("s1")), conduct{}, "complete", 1},
		"E7 one allowed":                        {retried(1, step("s1")), conduct{Fail: 9}, "error", 1},
		"E7 the last one allowed succeeds":      {retried(3, step("s1")), conduct{Fail: 2}, "complete", 3},
		"E7 not retryable, first one succeeds":  {never(3), conduct{}, "complete", 1},
		"E7 not retryable, no second one":       {never(3), conduct{Fail: 1}, "error", 1},
		"E7 not retryable, with none allowed":   {never(0), conduct{Fail: 1}, "error", 1},
		"a panic uses up no attempt but itself": {retried(3, step("s1")), conduct{Panic: 1}, "error", 1},
	}, func(t *testing.T, e ending) {
		w.register(t, t.Name(), e.step)
		task := w.submit(t, n, t.Name(), map[string]conduct{"s1": e.conduct})
		w.taskState(t, task)
		s := w.step(t, task, "s1")
		require.Equal(t, e.state, s.State)
		require.Equal(t, e.attempts, s.Attempt)
	})
	w.requireIntact(t)
}

// ending is where the attempts of a step end.
type ending struct {
	step     template.StepDefinition
	conduct  conduct
	state    string
	attempts int
}

func TestATaskIsBlockedWhileOtherBranchesOfItStillRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := retried(3, step("retryable"))
	slow.Retry.BackoffBaseMS = 60_000
	w.register(t, "mixed", step("success"), retried(3, step("permanent")), slow, step("join", "success", "permanent", "retryable"))
	n := w.node(t, role{Handlers: allHandlers})
	task := w.submit(t, n, "mixed", map[string]conduct{"permanent": {Fail: 9, Permanent: true}, "retryable": {Fail: 1}})
	require.Equal(t, "blocked_by_failures", w.taskState(t, task))
	w.eventually(t, patience, 1, `select count(*) from tasker.workflow_steps where task_uuid = $1 and name = 'retryable' and state = 'waiting_for_retry'`, task)
	w.eventually(t, patience, 1, `select count(*) from tasker.workflow_steps where task_uuid = $1 and name = 'success' and state = 'complete'`, task)
	require.Equal(t, "pending", w.step(t, task, "join").State)
	w.requireIntact(t)
}

func TestTheNextAttemptWaitsForAsLongAsTheHandlerAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "one", retried(3, step("s1")))
	n := w.node(t, role{Handlers: allHandlers})
	promptly(t, 3500*time.Millisecond, func() time.Duration {
		task := w.submit(t, n, "one", map[string]conduct{"s1": {Fail: 1, RetryAfter: 2}})
		first := w.effectOf(t, task, "s1", "start", 1)
		second := w.effectOf(t, task, "s1", "start", 2)
		require.GreaterOrEqual(t, second.At.Sub(first.At), 2*time.Second)
		require.Equal(t, "complete", w.taskState(t, task))
		return second.At.Sub(first.At)
	})
	w.requireIntact(t)
}
