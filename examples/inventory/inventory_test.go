package inventory_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/examples/inventory"
	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/sdk"
)

// W8 and B1, and fixture csv_product_inventory_analyzer.
func TestATableIsCountedInBatches(t *testing.T) {
	t.Parallel()
	handlers := sdk.NewRegistry()
	inventory.Register(handlers)
	e := forms.Start(t, handlers, "../templates/inventory.yaml")
	for rows, batches := range map[int][]int{
		0: nil, 1: {1}, 200: {200}, 201: {101, 100}, 1000: {200, 200, 200, 200, 200},
		1002: {201, 201, 200, 200, 200}, 5000: {1000, 1000, 1000, 1000, 1000},
	} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				task := e.Run(form, "csv_processing", "csv_product_inventory", inventory.Table{Rows: rows})
				task.RequireComplete()
				want := []string{"analyze_csv", "aggregate_csv_results"}
				if len(batches) == 0 {
					want = append(want, "process_csv_batch_000")
				}
				for i, size := range batches {
					name := fmt.Sprintf("process_csv_batch_%03d", i+1)
					want = append(want, name)
					var part sdk.BatchWorkerResult
					require.NoError(t, json.Unmarshal(task.Result(name), &part))
					require.Equal(t, size, part.ItemsProcessed, "the first ones take the remainder")
					require.Equal(t, 1, task.Attempts(name), "a checkpoint uses up no attempt")
				}
				require.ElementsMatch(t, want, task.Steps)
				stock := 0
				for row := range rows {
					stock += inventory.Stock(row)
				}
				var got struct {
					Stock          int     `json:"stock"`
					TotalProcessed int     `json:"total_processed"`
					BatchCount     int     `json:"batch_count"`
					SuccessRate    float64 `json:"success_rate"`
				}
				require.NoError(t, json.Unmarshal(task.Result("aggregate_csv_results"), &got))
				require.Equal(t, []int{stock, rows, len(batches)}, []int{got.Stock, got.TotalProcessed, got.BatchCount})
			})
		})
	}
}
