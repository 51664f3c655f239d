package tasktest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/tasktest"
)

// handlers are those of the templates in testdata: flaky fails as often as the task's input says.
func handlers() *sdk.Registry {
	r := sdk.NewRegistry()
	r.RegisterFunc("flaky", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		var in struct{ Failures int }
		if err := step.Input(ctx, &in); err != nil {
			return sdk.StepResult{}, err
		}
		if step.Attempt() <= in.Failures {
			return sdk.StepResult{}, sdk.Retryablef("attempt %d fails", step.Attempt())
		}
		return sdk.Success(map[string]int{"attempt": step.Attempt()}), nil
	})
	r.RegisterFunc("report", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		raw, err := step.DependencyResult(ctx, "flaky")
		return sdk.Success(raw), err
	})
	r.RegisterFunc("echo", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		raw, err := step.RawInput(ctx)
		if string(raw) == `"fail"` {
			return sdk.StepResult{}, sdk.Permanent(errors.New("as it was told to"), sdk.WithType("told_to"))
		}
		return sdk.Success(raw), err
	})
	return r
}

func TestATaskIsRunForReal(t *testing.T) {
	t.Parallel()
	task := tasktest.Run(t, handlers(), "testdata/retry.yaml", map[string]any{"failures": 2})
	task.RequireComplete()
	require.Equal(t, "complete", task.State)
	require.Equal(t, []string{"flaky", "last"}, task.Steps, "parents before children, whatever their order in the file")
	require.Equal(t, 3, task.Attempts("flaky"))
	require.Equal(t, 1, task.Attempts("last"))
	require.Equal(t, "complete", task.StepState("last"))
	require.JSONEq(t, `{"attempt": 3}`, string(task.Result("last")))
	require.True(t, task.Execution("flaky").Success)
	require.NotZero(t, task.UUID)
}

func TestATaskThatFailsCanBeLookedInto(t *testing.T) {
	t.Parallel()
	task := tasktest.Run(t, handlers(), "testdata/retry.yaml", map[string]any{"failures": 3})
	require.Equal(t, "blocked_by_failures", task.State)
	require.Equal(t, "error", task.StepState("flaky"))
	require.Equal(t, "pending", task.StepState("last"))
	require.Equal(t, 3, task.Attempts("flaky"))
	require.Equal(t, "attempt 3 fails", task.Execution("flaky").Error.Message)
	require.Zero(t, task.Attempts("last"))
	require.Equal(t, sdk.StepExecutionResult{}, task.Execution("last"))
}

func TestAnEngineRunsManyTasksByManyTemplates(t *testing.T) {
	t.Parallel()
	e := tasktest.Start(t, handlers(), "testdata")
	for n := range 5 {
		task := e.Run("tasktest", "single", "1.0.0", n)
		task.RequireComplete()
		require.JSONEq(t, fmt.Sprint(n), string(task.Result("only")))
	}
	same, again := e.Create("tasktest", "single", "1.0.0", 1), e.Create("tasktest", "single", "1.0.0", 1)
	require.NotEqual(t, same, again, "every task is a new one")
	e.Run("tasktest", "flaky", "1.0.0", map[string]any{"failures": 0}).RequireComplete()
	require.Equal(t, same, e.Task(same).UUID)
}

func TestTestsDoNotSeeEachOthersTasks(t *testing.T) {
	t.Parallel()
	for range 3 {
		t.Run("a test of its own", func(t *testing.T) {
			t.Parallel()
			e := tasktest.Start(t, handlers(), "testdata/single.yaml")
			e.Run("tasktest", "single", "1.0.0", nil).RequireComplete()
		})
	}
}

// watched is a test whose failures are looked at rather than suffered.
type watched struct {
	testing.TB
	said []string
}

func (w *watched) Helper() {}

func (w *watched) Logf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *watched) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *watched) FailNow() { runtime.Goexit() }

// fails runs what must fail the test, and returns what was said.
func fails(t *testing.T, what func(tb testing.TB)) string {
	t.Helper()
	w := &watched{TB: t}
	survived := make(chan bool)
	go func() {
		ok := false
		defer func() { survived <- ok }()
		what(w)
		ok = true
	}()
	require.False(t, <-survived, "the test does not fail")
	return strings.Join(w.said, "\n")
}

func TestATestThatExpectsTooMuchFailsAndSaysWhy(t *testing.T) {
	t.Parallel()
	said := fails(t, func(tb testing.TB) { tasktest.Run(tb, handlers(), "testdata/single.yaml", "fail").RequireComplete() })
	require.Contains(t, said, "step only: told_to: as it was told to")
	require.Contains(t, said, "blocked_by_failures")
	said = fails(t, func(tb testing.TB) { tasktest.Run(tb, handlers(), "testdata/single.yaml", 1).Result("other") })
	require.Contains(t, said, `the task has no step "other"; it has ["only"]`)
	said = fails(t, func(tb testing.TB) { tasktest.Run(tb, handlers(), "testdata", 1) })
	require.Contains(t, said, "testdata must hold one template")
	said = fails(t, func(tb testing.TB) { tasktest.Start(tb, handlers(), "testdata/nowhere.yaml") })
	require.Contains(t, said, "nowhere.yaml")
	said = fails(t, func(tb testing.TB) {
		tasktest.Start(tb, handlers(), "testdata").Create("tasktest", "unknown", "1.0.0", nil)
	})
	require.Contains(t, said, "tasktest/unknown 1.0.0")
	said = fails(t, func(tb testing.TB) {
		tasktest.Start(tb, handlers(), "testdata").Create("tasktest", "single", "1.0.0", func() {})
	})
	require.Contains(t, said, "unsupported type")
}

// A test of a program's own workflow: the template and the handlers are the real ones, the database is the test's.
func Example() {
	testAnEchoComesBack := func(t *testing.T) {
		task := tasktest.Run(t, handlers(), "testdata/single.yaml", map[string]any{"hello": "world"})
		task.RequireComplete()
		require.JSONEq(t, `{"hello": "world"}`, string(task.Result("only")))
	}
	_ = testAnEchoComesBack // go test runs it once it is a func of its own
}
