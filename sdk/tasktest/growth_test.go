package tasktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/sdk"
)

// halves are the handlers of W9: a diamond of the even and the odd numbers, a decision for those that are more, and a sum of them in
// batches of two.
func halves(r *sdk.Registry) {
	pick := func(rest int) sdk.StepHandler {
		return sdk.Typed(func(_ context.Context, in struct{ Numbers []int }, _ *sdk.StepContext) ([]int, error) {
			picked := []int{}
			for _, n := range in.Numbers {
				if n%2 == rest {
					picked = append(picked, n)
				}
			}
			return picked, nil
		})
	}
	r.Register("evens", pick(0))
	r.Register("odds", pick(1))
	r.RegisterFunc("route", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		evens, err := sdk.Dependency[[]int](ctx, step, "evens")
		if err != nil {
			return sdk.StepResult{}, err
		}
		odds, err := sdk.Dependency[[]int](ctx, step, "odds")
		if len(odds) > len(evens) {
			return sdk.CreateSteps("split_odds"), err
		}
		return sdk.CreateSteps("split_evens"), err
	})
	for _, half := range []string{"evens", "odds"} {
		r.RegisterFunc("split_"+half, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			numbers, err := sdk.Dependency[[]int](ctx, step, half)
			return sdk.CreateBatches("work_"+half, len(numbers), sdk.SplitRange(len(numbers), 2, 0)...), err
		})
		r.RegisterFunc("work_"+half, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			batch, err := step.Batch()
			if err != nil {
				return sdk.StepResult{}, err
			}
			from, to, err := sdk.Range[int](batch)
			if err != nil {
				return sdk.StepResult{}, err
			}
			numbers, err := sdk.Dependency[[]int](ctx, step, half)
			if err != nil {
				return sdk.StepResult{}, err
			}
			sum := 0
			for _, n := range numbers[from:to] {
				sum += n
			}
			return sdk.Success(sum), nil
		})
		r.RegisterFunc("sum_"+half, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			batches, err := sdk.Batches[int](ctx, step, "split_"+half)
			sum := 0
			for _, part := range batches.Results {
				sum += part
			}
			return sdk.Success(sum), err
		})
	}
}

// W9
func TestADiamondDecidesWhichHalfIsSummedInBatchesInEachForm(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), sdk.NewRegistry()
	halves(r)
	r.RegisterFunc("start", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success(nil), nil })
	steps := []string{"start", "evens: handler: {callable: evens}, dependencies: [start]", "odds: handler: {callable: odds}, dependencies: [start]",
		"route: type: decision, handler: {callable: route}, dependencies: [evens, odds]"}
	for _, half := range []string{"evens", "odds"} {
		steps = append(steps,
			fmt.Sprintf("split_%[1]s: type: batchable, handler: {callable: split_%[1]s}, dependencies: [route, %[1]s]", half),
			fmt.Sprintf("work_%[1]s: type: batch_worker, handler: {callable: work_%[1]s}, dependencies: [split_%[1]s], batch_config: {worker_template: work_%[1]s}", half),
			fmt.Sprintf("sum_%[1]s: type: deferred_convergence, handler: {callable: sum_%[1]s}, dependencies: [work_%[1]s]", half))
	}
	require.Len(t, steps, 10)
	plan(t, dir, "halves", "more", steps...)
	e := forms.Start(t, r, dir+"/*.yaml")
	for name, tt := range map[string]struct {
		numbers []int
		half    string
		batches int
		sum     string
	}{
		"more even ones":       {[]int{2, 4, 6, 7, 8}, "evens", 2, "20"},
		"more odd ones":        {[]int{1, 2, 3, 5, 7, 9}, "odds", 3, "25"},
		"as many of each kind": {[]int{1, 2, 3, 4}, "evens", 1, "6"},
	} {
		t.Run(name, func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				task := e.Run(form, "halves", "more", map[string]any{"numbers": tt.numbers})
				task.RequireComplete()
				want := []string{"start", "evens", "odds", "route", "split_" + tt.half, "sum_" + tt.half}
				for i := range tt.batches {
					want = append(want, fmt.Sprintf("work_%s_%03d", tt.half, i+1))
				}
				require.ElementsMatch(t, want, task.Steps, "only one way is taken")
				require.JSONEq(t, tt.sum, string(task.Result("sum_"+tt.half)))
			})
		})
	}
}

// marking yields twice, first with another cursor and then with the one of the task's input, and returns its last checkpoint.
func marking(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	var in sdk.SavedCheckpoint
	if err := step.Input(ctx, &in); err != nil {
		return sdk.StepResult{}, err
	}
	saved, err := step.SavedCheckpoint()
	switch {
	case err != nil:
		return sdk.StepResult{}, err
	case saved == nil:
		return sdk.Yield(sdk.Checkpoint{Cursor: "first", Results: 1}), nil
	case len(saved.History) == 1:
		return sdk.Yield(sdk.Checkpoint{Cursor: in.Cursor, ItemsProcessed: in.ItemsProcessed, Results: in.Results}), nil
	}
	return sdk.Success(saved), nil
}

// C8
func TestACheckpointComesBackAsItWasInEachForm(t *testing.T) {
	t.Parallel()
	r := sdk.NewRegistry()
	r.RegisterFunc("marking", marking)
	dir := t.TempDir()
	plan(t, dir, "steps", "marking", "marking")
	e := forms.Start(t, r, dir+"/*.yaml")
	for cursor, items := range map[string]int64{
		`50`: 0, `"token"`: 1, `{"page": "a", "n": [1]}`: 9007199254740993, `null`: 0, `[1, "b"]`: 1 << 62, `true`: 7, `9007199254740993`: 1,
	} {
		t.Run(cursor, func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				results := json.RawMessage(`{"nested": [{"sum": 9007199254740993}]}`)
				task := e.Run(form, "steps", "marking", sdk.SavedCheckpoint{Cursor: json.RawMessage(cursor), ItemsProcessed: items, Results: results})
				task.RequireComplete()
				require.Equal(t, 1, task.Attempts("marking"))
				saved := decoded[sdk.SavedCheckpoint](t, task, "marking")
				require.JSONEq(t, cursor, string(saved.Cursor))
				require.Equal(t, strings.Contains(cursor, "9007199254740993"), string(saved.Cursor) == "9007199254740993", "no digit is lost")
				require.Contains(t, string(saved.Results), "9007199254740993")
				require.Equal(t, items, saved.ItemsProcessed)
				require.Len(t, saved.History, 2, "a checkpoint takes the place of the one before, which history keeps")
				require.JSONEq(t, `"first"`, string(saved.History[0].Cursor))
			})
		})
	}
	t.Run("fewer than no items", func(t *testing.T) {
		forms.Each(t, func(t *testing.T, form forms.Form) {
			task := e.Run(form, "steps", "marking", sdk.SavedCheckpoint{Cursor: json.RawMessage("1"), ItemsProcessed: -1})
			require.Equal(t, "error", task.StepState("marking"))
			require.Equal(t, sdk.ErrTypeCheckpoint, task.Execution("marking").Error.ErrorType)
			require.Equal(t, 1, task.Attempts("marking"))
		})
	})
}
