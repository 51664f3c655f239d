package tasktest_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/tasktest"
)

// failing are handlers by how they fail.
func failing(r *sdk.Registry) {
	fail := func(name string, f func(ctx context.Context, step *sdk.StepContext) error) {
		r.RegisterFunc(name, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			return sdk.Success(step.Attempt()), f(ctx, step)
		})
	}
	fail("fine", func(context.Context, *sdk.StepContext) error { return nil })
	fail("permanent", func(context.Context, *sdk.StepContext) error { return sdk.Permanentf("never") })
	fail("retryable", func(context.Context, *sdk.StepContext) error { return sdk.Retryablef("not yet") })
	fail("detailed", func(context.Context, *sdk.StepContext) error {
		return sdk.Permanent(errors.New("the card is blocked"), sdk.WithType("card_error"), sdk.WithCode("C7"), sdk.WithContext("card", "1234"))
	})
	fail("later", func(_ context.Context, step *sdk.StepContext) error {
		if step.Attempt() > 1 {
			return nil
		}
		return sdk.Retryable(errors.New("busy"), sdk.RetryAfter(time.Second))
	})
	fail("panics", func(context.Context, *sdk.StepContext) error { panic("as asked") })
	fail("exits", func(context.Context, *sdk.StepContext) error { runtime.Goexit(); return nil })
	fail("slow", func(ctx context.Context, _ *sdk.StepContext) error { <-ctx.Done(); return nil })
	for name, value := range map[string]any{"not_a_number": math.NaN(), "a_channel": make(chan int), "huge": strings.Repeat("x", 32<<20)} {
		r.RegisterFunc(name, func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success(value), nil })
	}
}

// summing works off as many items as the task's input says, two at a time, with a checkpoint after each part but the last.
func summing(r *sdk.Registry, began func()) {
	r.RegisterFunc("summing", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		began()
		var items int
		if err := step.Input(ctx, &items); err != nil {
			return sdk.StepResult{}, err
		}
		item, done, sum, err := sdk.Resume[int, int](step, 0)
		if err != nil {
			return sdk.StepResult{}, err
		}
		for stop := min(item+2, items); item < stop; item++ {
			sum, done = sum+item, done+1
		}
		if item < items {
			return sdk.Yield(sdk.Checkpoint{Cursor: item, ItemsProcessed: done, Results: sum}), nil
		}
		return sdk.Success([]int{int(done), sum}), nil
	})
}

// engineOf starts an engine whose templates have one step each, by the names of the handlers, and further templates.
func engineOf(t *testing.T, r *sdk.Registry, settings string, more ...func(dir string)) *tasktest.Engine {
	t.Helper()
	dir := t.TempDir()
	for _, name := range r.RegisteredHandlers() {
		plan(t, dir, "steps", name, name+": handler: {callable: "+name+"}"+settings)
	}
	for _, f := range more {
		f(dir)
	}
	return tasktest.Start(t, r, dir)
}

func TestFailuresAreSeenAsTheyWere(t *testing.T) {
	t.Parallel()
	r := sdk.NewRegistry()
	failing(r)
	e := engineOf(t, r, ", retry: {max_attempts: 2, backoff: none}", func(dir string) {
		plan(t, dir, "steps", "mixed", "fine", "permanent", "retryable: handler: {callable: retryable}, retry: {backoff_base_ms: 600000, jitter: false}",
			"join: handler: {callable: fine}, dependencies: [fine, permanent, retryable]")
		plan(t, dir, "steps", "timed", "slow: handler: {callable: slow}, timeout_seconds: 1, retry: {max_attempts: 2, backoff: none}")
	})
	run := func(name string) *tasktest.Task {
		t.Helper()
		return e.Run("steps", name, "1.0.0", nil)
	}

	// E6: the task is blocked though a branch will be tried again, and the others have gone on.
	mixed := run("mixed")
	require.Equal(t, "blocked_by_failures", mixed.State)
	require.Eventually(t, func() bool {
		now := e.Task(mixed.UUID)
		return now.StepState("fine") == "complete" && now.StepState("permanent") == "error" && now.StepState("retryable") == "waiting_for_retry"
	}, time.Minute, 5*time.Millisecond)
	require.Equal(t, "pending", e.Task(mixed.UUID).StepState("join"))

	// E8
	detailed := run("detailed").Execution("detailed")
	require.False(t, detailed.Success)
	require.Equal(t, "the card is blocked", detailed.Error.Message)
	require.Equal(t, "card_error", detailed.Error.ErrorType)
	require.Equal(t, "C7", detailed.Metadata.ErrorCode)
	require.Equal(t, "1234", detailed.Error.Context["card"])
	require.NotEmpty(t, run("panics").Execution("panics").Error.Backtrace)

	// E9
	asked := time.Now()
	later := run("later")
	later.RequireComplete()
	require.Equal(t, 2, later.Attempts("later"))
	require.GreaterOrEqual(t, time.Since(asked), time.Second)

	// E11: neither ends the worker, which serves the next.
	for _, name := range []string{"panics", "exits"} {
		gone := run(name)
		require.Equal(t, "error", gone.StepState(name))
		require.Equal(t, sdk.ErrTypeHandlerPanic, gone.Execution(name).Error.ErrorType)
		require.Equal(t, 1, gone.Attempts(name))
		run("fine").RequireComplete()
	}

	// E12: a timeout can be retried, and what the handler returns after it counts no more.
	timed := run("timed")
	require.Equal(t, "error", timed.StepState("slow"))
	require.Equal(t, 2, timed.Attempts("slow"))
	require.Equal(t, "handler_timeout", timed.Execution("slow").Error.ErrorType)

	// E13
	for _, name := range []string{"not_a_number", "a_channel", "huge"} {
		odd := run(name)
		require.Equal(t, "error", odd.StepState(name), name)
		require.Equal(t, 1, odd.Attempts(name), "%s: it would be no better the next time", name)
		require.NotEmpty(t, odd.Execution(name).Error.Message, name)
		require.LessOrEqual(t, len(odd.Execution(name).Error.Message), 500, name)
	}
}

// C5, and C1 beside it
func TestAStepWithNoItemsIsDoneAtOnce(t *testing.T) {
	t.Parallel()
	r, calls := sdk.NewRegistry(), make(chan struct{}, 100)
	summing(r, func() { calls <- struct{}{} })
	e := engineOf(t, r, "")
	for items, want := range map[int]struct {
		result string
		calls  int
	}{0: {"[0, 0]", 1}, 1: {"[1, 0]", 1}, 5: {"[5, 10]", 3}} {
		task := e.Run("steps", "summing", "1.0.0", items)
		task.RequireComplete()
		require.JSONEq(t, want.result, string(task.Result("summing")), "%d items", items)
		require.Equal(t, 1, task.Attempts("summing"), "a checkpoint uses up no attempt")
		require.Len(t, calls, want.calls, "%d items", items)
		for range want.calls {
			<-calls
		}
	}
}
