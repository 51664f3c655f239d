// Package math holds the handlers of the arithmetic examples: linear, diamond, tree and mixed DAG. They show how a step
// reads the task's input and the results of the steps before it, with numbers that a float64 could not hold.
package math

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"

	"github.com/tasker-systems/tasker-go/sdk"
)

// Result is what each step returns: a whole number as decimal text, which no JSON reader rounds.
type Result struct {
	Value string `json:"value"`
}

func squareOf(n *big.Int) sdk.StepResult {
	return sdk.Success(Result{new(big.Int).Mul(n, n).String()})
}

// Register adds the handlers.
func Register(r *sdk.Registry) {
	r.RegisterFunc("math.square", square)
	r.RegisterFunc("math.multiply_square", multiplySquare)
}

// square squares the number of the task, for a first step, or the result of the one step that it depends on.
func square(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	n, err := product(ctx, step)
	if err != nil {
		return sdk.StepResult{}, err
	}
	return squareOf(n), nil
}

// multiplySquare multiplies the results of all steps that it depends on, and squares the product.
func multiplySquare(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	n, err := product(ctx, step)
	if err != nil {
		return sdk.StepResult{}, err
	}
	return squareOf(n), nil
}

func product(ctx context.Context, step *sdk.StepContext) (*big.Int, error) {
	if len(step.Dependencies()) == 0 {
		return evenNumber(ctx, step)
	}
	results, err := step.DependencyResults(ctx)
	if err != nil {
		return nil, err
	}
	n := big.NewInt(1)
	for _, name := range step.Dependencies() {
		var r Result
		if err := json.Unmarshal(results[name], &r); err != nil {
			return nil, sdk.Permanentf("result of step %s: %w", name, err)
		}
		value, ok := new(big.Int).SetString(r.Value, 10)
		if !ok {
			return nil, sdk.Permanentf("result of step %s: %q is no whole number", name, r.Value)
		}
		n.Mul(n, value)
	}
	return n, nil
}

func evenNumber(ctx context.Context, step *sdk.StepContext) (*big.Int, error) {
	var in struct {
		EvenNumber *big.Int `json:"even_number"`
	}
	if err := step.Input(ctx, &in); err != nil {
		return nil, err
	}
	if in.EvenNumber == nil || in.EvenNumber.Bit(0) != 0 {
		return nil, sdk.Permanent(errors.New("even_number must be an even whole number"), sdk.WithType(sdk.ErrTypeValidation))
	}
	return in.EvenNumber, nil
}
