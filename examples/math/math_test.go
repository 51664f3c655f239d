package math_test

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/examples/math"
	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/sdk"
)

func power(base, exponent int64) string {
	return new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil).String()
}

func TestTheExamplesComputeExactly(t *testing.T) {
	t.Parallel()
	handlers := sdk.NewRegistry()
	math.Register(handlers)
	e := forms.Start(t, handlers, "../templates/linear.yaml", "../templates/diamond.yaml", "../templates/tree.yaml", "../templates/mixed_dag.yaml")
	for name, tt := range map[string]struct {
		namespace, template, last string
		steps                     int
		exponent                  int64
	}{
		"W2 linear: four squarings are the 16th power":     {"examples_linear", "mathematical_sequence", "linear_step_4", 4, 16},
		"W4 diamond: two branches meet at the 16th power":  {"examples_diamond", "diamond_pattern", "diamond_end", 4, 16},
		"W5 tree: four leaves meet at the 64th power":      {"examples_tree", "hierarchical_tree", "tree_final_convergence", 8, 64},
		"W6 mixed DAG: three paths meet at the 64th power": {"examples_mixed_dag", "complex_dag", "dag_finalize", 7, 64},
	} {
		t.Run(name, func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				task := e.Run(form, tt.namespace, tt.template, map[string]any{"even_number": 6})
				task.RequireComplete()
				require.Len(t, task.Steps, tt.steps)
				for _, s := range task.Steps {
					require.Equal(t, "complete", task.StepState(s), s)
					require.Equal(t, 1, task.Attempts(s), s)
				}
				var r math.Result
				require.NoError(t, json.Unmarshal(task.Result(tt.last), &r))
				require.Equal(t, power(6, tt.exponent), r.Value)
			})
		})
	}
	t.Run("an odd number fails the first step for good", func(t *testing.T) {
		forms.Each(t, func(t *testing.T, form forms.Form) {
			task := e.Run(form, "examples_linear", "mathematical_sequence", map[string]any{"even_number": 7})
			require.Equal(t, "blocked_by_failures", task.State)
			require.Equal(t, "error", task.StepState("linear_step_1"))
			require.Equal(t, 1, task.Attempts("linear_step_1"))
			require.Equal(t, "pending", task.StepState("linear_step_2"))
			require.Contains(t, task.Execution("linear_step_1").Error.Message, "even whole number")
		})
	})
}
