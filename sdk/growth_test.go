package sdk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/sdk"
)

func TestOutcomesHaveTheFormOfTheContract(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]sdk.StepResult{
		`{"decision_point_outcome":{"type":"no_branches"},"reason":"x"}`:            sdk.NoBranches().With("reason", "x"),
		`{"decision_point_outcome":{"type":"create_steps","step_names":["a","b"]}}`: sdk.CreateSteps("a", "b"),
		`{"batch_processing_outcome":{"type":"no_batches"}}`:                        sdk.NoBatches(),
		`{"batch_processing_outcome":{"type":"create_batches","worker_template_name":"w","worker_count":1,"total_items":7,"cursor_configs":[
		  {"batch_id":"x","start_cursor":null,"end_cursor":{"k":1},"batch_size":7}]}}`: sdk.CreateBatches("w", 7, sdk.BatchCursor{BatchID: "x", End: map[string]int{"k": 1}, Size: 7}),
	} {
		raw, err := json.Marshal(r.Value)
		require.NoError(t, err)
		require.JSONEq(t, want, string(raw))
	}
	require.Panics(t, func() { sdk.Success(1).With("a", 2) })
	first := sdk.NoBranches()
	first.With("a", 1)
	require.Len(t, first.Value, 1, "what is added is added to a copy")
}

// B1
func TestARangeIsSplitWithoutGapsAndEvenly(t *testing.T) {
	t.Parallel()
	require.Len(t, sdk.SplitRange(1000, 200, 0), 5)
	require.Len(t, sdk.SplitRange(1000, 100, 5), 5, "no more than asked for")
	require.Empty(t, sdk.SplitRange(0, 200, 5))
	rapid.Check(t, func(t *rapid.T) {
		total, size, most := rapid.IntRange(1, 5000).Draw(t, "total"), rapid.IntRange(1, 500).Draw(t, "size"), rapid.IntRange(0, 50).Draw(t, "most")
		at, smallest, largest := 0, total, 0
		all := sdk.SplitRange(total, size, most)
		for i, c := range all {
			require.Equal(t, fmt.Sprintf("%03d", i+1), c.BatchID)
			require.Equal(t, at, c.Start)
			require.Equal(t, c.Size, c.End.(int)-at)
			smallest, largest, at = min(smallest, c.Size), max(largest, c.Size), c.End.(int)
			if i > 0 {
				require.LessOrEqual(t, c.Size, all[i-1].Size, "the first ones take the remainder")
			}
		}
		require.Equal(t, total, at)
		require.LessOrEqual(t, largest-smallest, 1)
		if most == 0 || len(all) < most {
			require.LessOrEqual(t, largest, size)
		}
	})
}

func stepWith(inputs, checkpoint string) *sdk.StepContext {
	return sdk.NewStepContext(sdk.StepData{StepName: "s", Inputs: json.RawMessage(inputs), Checkpoint: json.RawMessage(checkpoint)})
}

func TestABatchWorkerReadsItsPart(t *testing.T) {
	t.Parallel()
	b, err := stepWith(`{"cursor":{"batch_id":"001","start_cursor":"a","end_cursor":"f","batch_size":5},"is_no_op":false,
	  "batch_metadata":{"cursor_field":"id","failure_strategy":"isolate"}}`, "").Batch()
	require.NoError(t, err)
	require.Equal(t, []any{"001", 5, false, "id", "isolate"}, []any{b.ID, b.Size, b.NoOp, b.CursorField, b.FailureStrategy})
	start, end, err := sdk.Range[string](b)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "f"}, []string{start, end})
	_, _, err = sdk.Range[int](b)
	require.False(t, sdk.AsStepError(err).Retryable)
	for _, inputs := range []string{"", "{}", "[]"} {
		_, err = stepWith(inputs, "").Batch()
		require.Error(t, err)
		require.False(t, sdk.AsStepError(err).Retryable)
	}
}

func TestAStepResumesFromItsCheckpointOrBegins(t *testing.T) {
	t.Parallel()
	cursor, done, sum, err := sdk.Resume[string, int](stepWith("", ""), "start")
	require.NoError(t, err)
	require.Equal(t, []any{"start", int64(0), 0}, []any{cursor, done, sum})
	saved := stepWith("", `{"cursor":"page-2","items_processed":9007199254740993,"timestamp":"2026-01-31T12:00:00.5Z","accumulated_results":7,"history":[]}`)
	cursor, done, sum, err = sdk.Resume[string, int](saved, "start")
	require.NoError(t, err)
	require.Equal(t, []any{"page-2", int64(9007199254740993), 7}, []any{cursor, done, sum})
	_, _, _, err = sdk.Resume[int, int](saved, 0)
	require.False(t, sdk.AsStepError(err).Retryable)
	again := saved.WithCheckpoint(json.RawMessage(`{"cursor":"page-3","items_processed":1}`))
	cursor, _, _, err = sdk.Resume[string, int](again, "start")
	require.NoError(t, err)
	require.Equal(t, "page-3", cursor)
}

// converging is a convergence over what the split and its batches returned.
func converging(results map[string]string) *sdk.StepContext {
	return sdk.NewStepContext(sdk.StepData{StepName: "sum", LoadResults: func(_ context.Context, names []string) (map[string]json.RawMessage, error) {
		found := map[string]json.RawMessage{}
		for name, raw := range results {
			for _, asked := range names {
				if name == asked || len(name) > len(asked) && name[:len(asked)+1] == asked+"_" {
					found[name] = json.RawMessage(raw)
				}
			}
		}
		return found, nil
	}})
}

const splitInThree = `{"batch_processing_outcome":{"type":"create_batches","worker_template_name":"work","worker_count":3}}`

// B2
func TestAConvergenceTellsWhatBecameOfTheBatches(t *testing.T) {
	t.Parallel()
	set, err := sdk.Batches[int](t.Context(), converging(map[string]string{"split": splitInThree, "work_001": "1", "work_x": "2"}), "split")
	require.NoError(t, err)
	require.Equal(t, sdk.BatchSet[int]{Results: map[string]int{"001": 1, "x": 2}, Total: 3}, set)
	require.Equal(t, 1, set.Failed())
	none, err := sdk.Batches[int](t.Context(), converging(map[string]string{"split": `{"batch_processing_outcome":{"type":"no_batches"}}`, "work_000": "0"}), "split")
	require.NoError(t, err)
	require.True(t, none.None)
	require.Empty(t, none.Results)
	for says, results := range map[string]map[string]string{
		`has no completed step "split" upstream`:             {},
		`its result has no batch_processing_outcome`:         {"split": `{"value":1}`},
		`none of the 3 batches of step "split" has a result`: {"split": splitInThree},
		`result of batch "work_001"`:                         {"split": splitInThree, "work_001": `"text"`},
	} {
		_, err := sdk.Batches[int](t.Context(), converging(results), "split")
		require.ErrorContains(t, err, says)
		require.False(t, sdk.AsStepError(err).Retryable)
	}
}

// B4
func TestTheResultsOfBatchesAddUp(t *testing.T) {
	t.Parallel()
	set := sdk.BatchSet[sdk.BatchWorkerResult]{Results: map[string]sdk.BatchWorkerResult{}}
	require.Equal(t, sdk.BatchTotals{Errors: []any{}}, sdk.Aggregate(set))
	for i := range 3 {
		set.Results[fmt.Sprint(i)] = sdk.BatchWorkerResult{
			ItemsProcessed: 100, ItemsSucceeded: 50, ItemsFailed: 45, ItemsSkipped: 5, Errors: make([]any, 45),
		}
	}
	totals := sdk.Aggregate(set)
	require.Len(t, totals.Errors, 100)
	totals.Errors = nil
	require.Equal(t, sdk.BatchTotals{
		TotalProcessed: 300, TotalSucceeded: 150, TotalFailed: 135, TotalSkipped: 15, BatchCount: 3, SuccessRate: 0.5, ErrorCount: 135,
	}, totals)
}

func TestABranchThatDidNotRunHasNoResult(t *testing.T) {
	t.Parallel()
	step := converging(map[string]string{"left": "1"})
	v, ok, err := sdk.OptionalDependency[int](t.Context(), step, "left")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 1, v)
	_, ok, err = sdk.OptionalDependency[int](t.Context(), step, "right")
	require.NoError(t, err)
	require.False(t, ok)
}
