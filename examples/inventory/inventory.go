// Package inventory holds the handlers of the csv_product_inventory example: a step that splits its work into batches, the
// worker of a batch, which saves how far it got, and a convergence that adds up the results.
package inventory

import (
	"context"

	"github.com/tasker-systems/tasker-go/sdk"
)

// Table is the context of a csv_product_inventory task.
type Table struct {
	Rows int `json:"rows"`
}

// Stock is the number of pieces in a row of the table.
func Stock(row int) int { return (row*7919 + 13) % 101 }

// rowsAtOnce are processed between two checkpoints.
const rowsAtOnce = 50

type counted struct {
	sdk.BatchWorkerResult
	Stock int `json:"stock"`
}

type inventory struct {
	sdk.BatchTotals
	Stock int `json:"stock"`
}

// Register adds the handlers.
func Register(r *sdk.Registry) {
	r.Register("inventory.analyze", sdk.HandlerFunc(analyze))
	r.RegisterFunc("inventory.process", process)
	r.RegisterFunc("inventory.aggregate", aggregate)
}

func analyze(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	var table Table
	if err := step.Input(ctx, &table); err != nil {
		return sdk.StepResult{}, err
	}
	if table.Rows == 0 {
		return sdk.NoBatches(), nil
	}
	size, err := sdk.Config[int](step, "batch_size", 200)
	if err != nil {
		return sdk.StepResult{}, err
	}
	workers, err := sdk.Config[int](step, "max_workers", 0)
	if err != nil {
		return sdk.StepResult{}, err
	}
	return sdk.CreateBatches("process_csv_batch", table.Rows, sdk.SplitRange(table.Rows, size, workers)...), nil
}

// process counts some rows and yields, until its batch is done.
func process(_ context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	batch, err := step.Batch()
	if err != nil || batch.NoOp {
		return sdk.Success(counted{}), err
	}
	first, end, err := sdk.Range[int](batch)
	if err != nil {
		return sdk.StepResult{}, err
	}
	row, processed, stock, err := sdk.Resume[int, int](step, first)
	if err != nil {
		return sdk.StepResult{}, err
	}
	for stop := min(row+rowsAtOnce, end); row < stop; row++ {
		stock += Stock(row)
		processed++
	}
	if row < end {
		return sdk.Yield(sdk.Checkpoint{Cursor: row, ItemsProcessed: processed, Results: stock}), nil
	}
	return sdk.Success(counted{
		sdk.BatchWorkerResult{ItemsProcessed: int(processed), ItemsSucceeded: int(processed), LastCursor: row}, stock,
	}), nil
}

func aggregate(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	batches, err := sdk.Batches[counted](ctx, step, "analyze_csv")
	if err != nil {
		return sdk.StepResult{}, err
	}
	sums := sdk.BatchSet[sdk.BatchWorkerResult]{None: batches.None, Total: batches.Total, Results: map[string]sdk.BatchWorkerResult{}}
	total := inventory{}
	for id, b := range batches.Results {
		sums.Results[id] = b.BatchWorkerResult
		total.Stock += b.Stock
	}
	total.BatchTotals = sdk.Aggregate(sums)
	return sdk.Success(total), nil
}
