package tasktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/tasktest"
)

// parts are the handlers of B1 to B4: items in batches, of which some are bad.
type parts struct {
	Items, Size, Most, Bad int
	// Broken is the batch that fails for good, or "all".
	Broken string
}

type part struct {
	sdk.BatchWorkerResult
	Strategy string `json:"strategy"`
	First    int    `json:"first"`
}

func (p parts) split(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
	if p.Items == 0 {
		return sdk.NoBatches(), nil
	}
	return sdk.CreateBatches("work", p.Items, sdk.SplitRange(p.Items, p.Size, p.Most)...), nil
}

func (p parts) work(_ context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	batch, err := step.Batch()
	if err != nil || batch.NoOp {
		return sdk.Success(part{}), err
	}
	if p.Broken == batch.ID || p.Broken == "all" {
		return sdk.StepResult{}, sdk.Permanentf("batch %s is broken", batch.ID)
	}
	first, end, err := sdk.Range[int](batch)
	result := part{First: first, Strategy: batch.FailureStrategy, BatchWorkerResult: sdk.BatchWorkerResult{ItemsProcessed: end - first}}
	for item := first; item < end && item < p.Bad; item++ {
		result.Errors = append(result.Errors, fmt.Sprintf("item %d is bad", item))
	}
	result.ItemsFailed = len(result.Errors)
	result.ItemsSucceeded = result.ItemsProcessed - result.ItemsFailed
	return sdk.Success(result), err
}

type total struct {
	sdk.BatchTotals
	None   bool `json:"none"`
	Failed int  `json:"failed"`
}

func (p parts) sum(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	analyzer, err := sdk.Config(step, "analyzer", "split")
	if err != nil {
		return sdk.StepResult{}, err
	}
	batches, err := sdk.Batches[sdk.BatchWorkerResult](ctx, step, analyzer)
	return sdk.Success(total{sdk.Aggregate(batches), batches.None, batches.Failed()}), err
}

// told has the handlers of a template's input.
func told(f func(p parts, ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error)) sdk.HandlerFunc {
	return func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		var p parts
		if err := step.Input(ctx, &p); err != nil {
			return sdk.StepResult{}, err
		}
		return f(p, ctx, step)
	}
}

// inParts is an engine with a template for each failure strategy, and one whose sum asks for an analyzer that is not there.
func inParts(t *testing.T) *forms.Engine {
	t.Helper()
	dir, r := t.TempDir(), sdk.NewRegistry()
	r.RegisterFunc("split", told(parts.split))
	r.RegisterFunc("work", told(parts.work))
	r.RegisterFunc("sum", told(parts.sum))
	for _, name := range []string{"continue_on_failure", "fail_fast", "isolate", "no_analyzer"} {
		strategy, analyzer := name, "split"
		if name == "no_analyzer" {
			strategy, analyzer = "continue_on_failure", "analyse"
		}
		plan(t, dir, "parts", name, "split: type: batchable, handler: {callable: split}",
			"work: type: batch_worker, handler: {callable: work}, dependencies: [split], batch_config: {worker_template: work, parallelism: 1, failure_strategy: "+strategy+"}",
			"sum: type: deferred_convergence, handler: {callable: sum, initialization: {analyzer: "+analyzer+"}}, dependencies: [work]")
	}
	return forms.Start(t, r, dir+"/*.yaml")
}

func decoded[T any](t *testing.T, task *tasktest.Task, step string) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(task.Result(step), &v), step)
	return v
}

func TestWorkIsDoneInBatchesInEachForm(t *testing.T) {
	t.Parallel()
	e := inParts(t)
	for name, tt := range map[string]struct {
		parts
		first []int // where each batch begins
	}{
		"B1 B2 as many as it takes":       {parts{Items: 1000, Size: 200}, []int{0, 200, 400, 600, 800}},
		"B1 the first take the remainder": {parts{Items: 11, Size: 4}, []int{0, 4, 8}},
		"B1 no more than the cap":         {parts{Items: 1000, Size: 200, Most: 3}, []int{0, 334, 667}},
		"B1 B2 none of nothing":           {parts{Items: 0, Size: 200}, nil},
		"B4 a hundred errors at most":     {parts{Items: 300, Size: 100, Bad: 240}, []int{0, 100, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				task := e.Run(form, "parts", "continue_on_failure", tt.parts)
				task.RequireComplete()
				require.Len(t, task.Steps, 2+max(len(tt.first), 1))
				for i, first := range tt.first {
					require.Equal(t, first, decoded[part](t, task, fmt.Sprintf("work_%03d", i+1)).First)
				}
				sum := decoded[total](t, task, "sum")
				require.Equal(t, len(tt.first) == 0, sum.None)
				require.Equal(t, []int{tt.Items, tt.Items - tt.Bad, tt.Bad, len(tt.first)}, []int{sum.TotalProcessed, sum.TotalSucceeded, sum.TotalFailed, sum.BatchCount})
				require.InDelta(t, float64(tt.Items-tt.Bad)/float64(max(tt.Items, 1)), sum.SuccessRate, 1e-9)
				require.Equal(t, []int{min(tt.Bad, 100), tt.Bad}, []int{len(sum.Errors), sum.ErrorCount})
			})
		})
	}
	for name, tt := range map[string]struct {
		template, says string
		parts
	}{
		"B2 no analyzer":          {"no_analyzer", `no completed step "analyse"`, parts{Items: 2, Size: 1}},
		"B2 batches, but no work": {"continue_on_failure", `none of the 2 batches of step "split" has a result`, parts{Items: 2, Size: 1, Broken: "all"}},
	} {
		t.Run(name, func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				task := e.Run(form, "parts", tt.template, tt.parts)
				require.Equal(t, "blocked_by_failures", task.State)
				require.Equal(t, 1, task.Attempts("sum"))
				require.Contains(t, task.Execution("sum").Error.Message, tt.says)
			})
		})
	}
}

// B3
func TestTheFailureStrategyIsKeptInEachForm(t *testing.T) {
	t.Parallel()
	e := inParts(t)
	for strategy, want := range map[string]map[string]string{
		"continue_on_failure": {"work_001": "complete", "work_002": "resolved_manually", "work_003": "complete", "sum": "complete"},
		"fail_fast":           {"work_001": "complete", "work_002": "error", "work_003": "error", "sum": "pending"},
		"isolate":             {"work_001": "complete", "work_002": "error", "work_003": "complete", "sum": "pending"},
	} {
		t.Run(strategy, func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				id := e.Run(form, "parts", strategy, parts{Items: 3, Size: 1, Broken: "002"}).UUID
				for step, state := range want {
					require.Eventually(t, func() bool { return e.Task(id).StepState(step) == state }, time.Minute, 5*time.Millisecond, "%s is %s", step, e.Task(id).StepState(step))
				}
				task := e.Task(id)
				require.Equal(t, strategy, decoded[part](t, task, "work_001").Strategy, "a batch is told")
				if want["sum"] != "complete" {
					require.Equal(t, "blocked_by_failures", task.State)
					return
				}
				task.RequireComplete()
				require.Equal(t, 1, decoded[total](t, task, "sum").Failed)
			})
		})
	}
}
