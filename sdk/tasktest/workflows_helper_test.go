package tasktest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

// plan writes a template into a folder, each step as "name", or "name: settings" in the form of YAML.
func plan(t *testing.T, dir, namespace, name string, steps ...string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nnamespace_name: %s\nversion: 1.0.0\nsteps:\n", name, namespace)
	for _, s := range steps {
		step, settings, found := strings.Cut(s, ": ")
		if !found {
			settings = "handler: {callable: " + step + "}"
		}
		fmt.Fprintf(&b, "  - {name: %s, %s}\n", step, settings)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, namespace+"_"+name+".yaml"), []byte(b.String()), 0o600))
}

// arithmetic registers a handler of each name, which computes with the task's n, if it is a first step, or with what its
// dependencies returned.
func arithmetic(r *sdk.Registry, names map[string]func(in []float64) float64) {
	for name, compute := range names {
		r.RegisterFunc(name, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			var in []float64
			for _, parent := range step.Dependencies() {
				n, err := sdk.Dependency[float64](ctx, step, parent)
				if err != nil {
					return sdk.StepResult{}, err
				}
				in = append(in, n)
			}
			if len(in) == 0 {
				var input struct{ N float64 }
				if err := step.Input(ctx, &input); err != nil {
					return sdk.StepResult{}, err
				}
				in = append(in, input.N)
			}
			return sdk.Success(compute(in)), nil
		})
	}
}

// business registers a check of the order, and a step that lists what it was given by the steps before it.
func business(r *sdk.Registry) {
	r.RegisterFunc("check", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		var order struct{ Items []string }
		if err := step.Input(ctx, &order); err != nil {
			return sdk.StepResult{}, err
		}
		if len(order.Items) == 0 {
			return sdk.StepResult{}, sdk.Permanentf("the order has no items")
		}
		return sdk.Success([]string{step.StepName()}), nil
	})
	r.RegisterFunc("go_on", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		done := []string{}
		for _, parent := range step.Dependencies() {
			before, err := sdk.Dependency[[]string](ctx, step, parent)
			if err != nil {
				return sdk.StepResult{}, err
			}
			done = append(done, before...)
		}
		return sdk.Success(append(done, step.StepName())), nil
	})
}

// payments has the entries validate, process and refund beside its call.
type payments struct{}

func (payments) Handle(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
	return sdk.Success("call"), nil
}

func (payments) Methods() map[string]sdk.HandlerFunc {
	methods := map[string]sdk.HandlerFunc{}
	for _, name := range []string{"validate", "process", "refund"} {
		methods[name] = func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success(name), nil }
	}
	return methods
}
