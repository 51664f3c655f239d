package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// BatchSet is what the batches of a step came to.
type BatchSet[T any] struct {
	// None says that there was nothing to split. Results is empty then.
	None bool
	// Results are those of the batches that went well, by batch id.
	Results map[string]T
	// Total counts all batches; those that are not in Results failed, which the failure strategy continue_on_failure allows.
	Total int
}

// Failed counts the batches that failed for good.
func (s BatchSet[T]) Failed() int { return s.Total - len(s.Results) }

// Batches gathers, for a convergence, the results of the batches into which split, a batchable step, divided its work. split
// not being upstream of this step fails it for good, and so does a split without a single batch that went well.
func Batches[T any](ctx context.Context, step *StepContext, split string) (BatchSet[T], error) {
	var o struct {
		Outcome struct {
			Type   string `json:"type"`
			Worker string `json:"worker_template_name"`
			Count  int    `json:"worker_count"`
		} `json:"batch_processing_outcome"`
	}
	set := BatchSet[T]{Results: map[string]T{}}
	raw, err := step.DependencyResult(ctx, split)
	if err != nil {
		return set, err
	}
	if err := json.Unmarshal(raw, &o); err != nil || o.Outcome.Type == "" {
		return set, Permanentf("step %q split nothing: its result has no %s", split, batchesKey)
	}
	if set.None = o.Outcome.Type == "no_batches"; set.None {
		return set, nil
	}
	set.Total = o.Outcome.Count
	got, err := step.DependencyResults(ctx, o.Outcome.Worker)
	if err != nil {
		return set, err
	}
	for name, raw := range got {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			return set, Permanent(fmt.Errorf("result of batch %q: %w", name, err), WithType(ErrTypeValidation))
		}
		set.Results[strings.TrimPrefix(name, o.Outcome.Worker+"_")] = v
	}
	if len(set.Results) == 0 {
		return set, Permanentf("none of the %d batches of step %q has a result", set.Total, split)
	}
	return set, nil
}

// BatchWorkerResult is what a batch worker returns by convention, so that [Aggregate] can add it up.
type BatchWorkerResult struct {
	ItemsProcessed int   `json:"items_processed"`
	ItemsSucceeded int   `json:"items_succeeded"`
	ItemsFailed    int   `json:"items_failed"`
	ItemsSkipped   int   `json:"items_skipped"`
	LastCursor     any   `json:"last_cursor,omitempty"`
	PartialFailure bool  `json:"partial_failure,omitempty"`
	Errors         []any `json:"errors,omitempty"`
}

// BatchTotals are the sums over all batches.
type BatchTotals struct {
	TotalProcessed int `json:"total_processed"`
	TotalSucceeded int `json:"total_succeeded"`
	TotalFailed    int `json:"total_failed"`
	TotalSkipped   int `json:"total_skipped"`
	BatchCount     int `json:"batch_count"`
	// SuccessRate is from 0 to 1; 0 if nothing was processed.
	SuccessRate float64 `json:"success_rate"`
	// Errors are the first 100 of ErrorCount.
	Errors     []any `json:"errors"`
	ErrorCount int   `json:"error_count"`
}

// errorsKept bounds the errors that are carried into totals.
const errorsKept = 100

// Aggregate adds the results of batches up.
func Aggregate(set BatchSet[BatchWorkerResult]) BatchTotals {
	t := BatchTotals{BatchCount: len(set.Results), Errors: []any{}}
	for _, r := range set.Results {
		t.TotalProcessed += r.ItemsProcessed
		t.TotalSucceeded += r.ItemsSucceeded
		t.TotalFailed += r.ItemsFailed
		t.TotalSkipped += r.ItemsSkipped
		t.ErrorCount += len(r.Errors)
		t.Errors = append(t.Errors, r.Errors[:min(len(r.Errors), errorsKept-len(t.Errors))]...)
	}
	if t.TotalProcessed > 0 {
		t.SuccessRate = float64(t.TotalSucceeded) / float64(t.TotalProcessed)
	}
	return t
}
