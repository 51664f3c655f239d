package math_test

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/examples/math"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/tasktest"
)

func power(base, exponent int64) string {
	return new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil).String()
}

func TestTheExamplesComputeExactly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file, last string
		steps      int
		exponent   int64
	}{
		"W2 linear: four squarings are the 16th power":     {"linear.yaml", "linear_step_4", 4, 16},
		"W4 diamond: two branches meet at the 16th power":  {"diamond.yaml", "diamond_end", 4, 16},
		"W5 tree: four leaves meet at the 64th power":      {"tree.yaml", "tree_final_convergence", 8, 64},
		"W6 mixed DAG: three paths meet at the 64th power": {"mixed_dag.yaml", "dag_finalize", 7, 64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handlers := sdk.NewRegistry()
			math.Register(handlers)
			task := tasktest.Run(t, handlers, "../templates/"+tt.file, map[string]any{"even_number": 6})
			task.RequireComplete()
			require.Len(t, task.Steps, tt.steps)
			for _, s := range task.Steps {
				require.Equal(t, "complete", task.StepState(s), s)
				require.Equal(t, 1, task.Attempts(s), s)
			}
			var r math.Result
			require.NoError(t, json.Unmarshal(task.Result(task.Steps[len(task.Steps)-1]), &r))
			require.Equal(t, power(6, tt.exponent), r.Value)
		})
	}
}

func TestAnOddNumberFailsTheFirstStepForGood(t *testing.T) {
	t.Parallel()
	handlers := sdk.NewRegistry()
	math.Register(handlers)
	task := tasktest.Run(t, handlers, "../templates/linear.yaml", map[string]any{"even_number": 7})
	require.Equal(t, "blocked_by_failures", task.State)
	require.Equal(t, "error", task.StepState("linear_step_1"))
	require.Equal(t, 1, task.Attempts("linear_step_1"))
	require.Equal(t, "pending", task.StepState("linear_step_2"))
	require.Contains(t, task.Execution("linear_step_1").Error.Message, "even whole number")
}
