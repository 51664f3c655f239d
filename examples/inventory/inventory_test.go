package inventory_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/examples/inventory"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/tasktest"
)

// W8, and fixture csv_product_inventory_analyzer.
func TestATableIsCountedInBatches(t *testing.T) {
	t.Parallel()
	handlers := sdk.NewRegistry()
	inventory.Register(handlers)
	e := tasktest.Start(t, handlers, "../templates/inventory.yaml")
	for rows, batches := range map[int]int{0: 0, 1: 1, 200: 1, 201: 2, 1000: 5, 1001: 5, 5000: 5} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			task := e.Run("csv_processing", "csv_product_inventory", "1.0.0", inventory.Table{Rows: rows})
			task.RequireComplete()
			require.Len(t, task.Steps, 2+max(batches, 1))
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
			require.Equal(t, []int{stock, rows, batches}, []int{got.Stock, got.TotalProcessed, got.BatchCount})
			if batches == 0 {
				require.Contains(t, task.Steps, "process_csv_batch_000")
			}
			for i := range batches {
				require.Equal(t, 1, task.Attempts(fmt.Sprintf("process_csv_batch_%03d", i+1)), "a checkpoint uses up no attempt")
			}
		})
	}
}
