package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/internal/template"
)

// ending is where the attempts of a step end.
type ending struct {
	step     template.StepDefinition
	conduct  conduct
	state    string
	attempts int
	// atLeast and under bound how long the task takes; 0 sets no bound.
	atLeast, under time.Duration
}

// between sets the delays of the retries, which double.
func between(base, most int64, s template.StepDefinition) template.StepDefinition {
	s.Retry.BackoffBaseMS, s.Retry.MaxBackoffMS = base, most
	return s
}

// never is a step whose failures are not retried, whatever number of attempts it may have.
func never(attempts int32) template.StepDefinition {
	s := retried(attempts, step("s1"))
	s.Retry.Retryable = false
	return s
}

func TestAttemptsEndWhereTheTemplateSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers, Slots: 20})
	group(t, map[string]ending{
		"E1 success":                            {retried(3, step("s1")), conduct{}, "complete", 1, 0, 3 * time.Second},
		"E2 permanent":                          {retried(1, step("s1")), conduct{Fail: 9, Permanent: true}, "error", 1, 0, 5 * time.Second},
		"E2 permanent, with attempts to spare":  {retried(3, step("s1")), conduct{Fail: 9, Permanent: true}, "error", 1, 0, 5 * time.Second},
		"E3 retryable without end":              {between(100, 1000, retried(3, step("s1"))), conduct{Fail: 9}, "error", 3, 100 * time.Millisecond, 10 * time.Second},
		"E4 two failures before success":        {between(50, 200, retried(5, step("s1"))), conduct{Fail: 2}, "complete", 3, 100 * time.Millisecond, 0},
		"E5 exhausted":                          {retried(3, step("s1")), conduct{Fail: 10}, "error", 3, 0, 0},
		"E7 none allowed, one is made":          {retried(0, step("s1")), conduct{Fail: 9}, "error", 1, 0, 0},
		"E7 none allowed, the one succeeds":     {retried(0, step("s1")), conduct{}, "complete", 1, 0, 0},
		"E7 one allowed":                        {retried(1, step("s1")), conduct{Fail: 9}, "error", 1, 0, 0},
		"E7 the last one allowed succeeds":      {retried(3, step("s1")), conduct{Fail: 2}, "complete", 3, 0, 0},
		"E7 not retryable, first one succeeds":  {never(3), conduct{}, "complete", 1, 0, 0},
		"E7 not retryable, no second one":       {never(3), conduct{Fail: 1}, "error", 1, 0, 0},
		"E7 not retryable, with none allowed":   {never(0), conduct{Fail: 1}, "error", 1, 0, 0},
		"a panic uses up no attempt but itself": {retried(3, step("s1")), conduct{Panic: 1}, "error", 1, 0, 0},
	}, func(t *testing.T, e ending) {
		forms.Each(t, func(t *testing.T, form forms.Form) {
			w.register(t, t.Name(), in(form, e.step)...)
			end := func() time.Duration {
				asked := time.Now()
				task := w.submit(t, n, t.Name(), map[string]conduct{"s1": e.conduct})
				state := w.taskState(t, task)
				took := time.Since(asked)
				require.Equal(t, map[string]string{"complete": "complete", "error": "blocked_by_failures"}[e.state], state)
				require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.workflow_steps where task_uuid = $1`, task))
				s := w.step(t, task, "s1")
				require.Equal(t, e.state, s.State)
				require.Equal(t, e.attempts, s.Attempt)
				require.GreaterOrEqual(t, took, e.atLeast)
				return took
			}
			if e.under == 0 {
				end()
				return
			}
			promptly(t, e.under, end)
		})
	})
	w.requireIntact(t)
}

// E6
func TestATaskIsBlockedWhileOtherBranchesOfItStillRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers})
	forms.Each(t, func(t *testing.T, form forms.Form) {
		mixed, slow := "mixed "+string(form), retried(3, step("retryable"))
		slow.Retry.BackoffBaseMS = 60_000
		w.register(t, mixed, in(form, step("success"), retried(3, step("permanent")), slow, step("join", "success", "permanent", "retryable"))...)
		task := w.submit(t, n, mixed, map[string]conduct{"permanent": {Fail: 9, Permanent: true}, "retryable": {Fail: 1}})
		require.Equal(t, "blocked_by_failures", w.taskState(t, task))
		for name, state := range map[string]string{"success": "complete", "permanent": "error", "retryable": "waiting_for_retry", "join": "pending"} {
			w.eventually(t, patience, 1, `select count(*) from tasker.workflow_steps where task_uuid = $1 and name = $2 and state::text = $3`, task, name, state)
		}
	})
	w.requireIntact(t)
}

// E9
func TestTheNextAttemptWaitsForAsLongAsTheHandlerAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers})
	forms.Each(t, func(t *testing.T, form forms.Form) {
		one := "one " + string(form)
		w.register(t, one, in(form, retried(3, step("s1")))...)
		promptly(t, 3500*time.Millisecond, func() time.Duration {
			task := w.submit(t, n, one, map[string]conduct{"s1": {Fail: 1, RetryAfter: 2}})
			first := w.effectOf(t, task, "s1", "start", 1)
			second := w.effectOf(t, task, "s1", "start", 2)
			require.GreaterOrEqual(t, second.At.Sub(first.At), 2*time.Second)
			require.Equal(t, "complete", w.taskState(t, task))
			return second.At.Sub(first.At)
		})
	})
	w.requireIntact(t)
}
