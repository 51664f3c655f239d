package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

type order struct {
	Items []string `json:"items"`
}

type cart struct {
	Total int `json:"total"`
}

func ExampleTyped() {
	validateCart := func(_ context.Context, o order, _ *sdk.StepContext) (cart, error) {
		if len(o.Items) == 0 {
			return cart{}, sdk.Permanentf("the cart is empty")
		}
		return cart{Total: 5 * len(o.Items)}, nil
	}

	handlers := sdk.NewRegistry()
	handlers.Register("order.validate_cart", sdk.Typed(validateCart))

	// What a worker does with it:
	h, _ := handlers.GetHandler("order.validate_cart")
	result, err := h.Handle(context.Background(), sdk.NewStepContext(sdk.StepData{
		LoadInput: func(context.Context) (json.RawMessage, error) {
			return json.RawMessage(`{"items": ["pen", "ink"]}`), nil
		},
	}))
	fmt.Println(result.Value, err)
	// Output: {10} <nil>
}

func ExampleDependency() {
	charge := func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		c, err := sdk.Dependency[cart](ctx, step, "validate_cart")
		if err != nil {
			return sdk.StepResult{}, err
		}
		return sdk.Success(map[string]int{"charged": c.Total}), nil
	}

	result, _ := charge(context.Background(), sdk.NewStepContext(sdk.StepData{
		LoadResults: func(context.Context, []string) (map[string]json.RawMessage, error) {
			return map[string]json.RawMessage{"validate_cart": json.RawMessage(`{"total": 10}`)}, nil
		},
	}))
	fmt.Println(result.Value)
	// Output: map[charged:10]
}

func ExampleRetryable() {
	err := sdk.Retryable(errors.New("the gateway is busy"), sdk.RetryAfter(30*time.Second), sdk.WithCode("503"))
	e := sdk.AsStepError(err)
	fmt.Println(e.Message, e.Retryable, e.RetryAfter, e.Code)
	// Output: the gateway is busy true 30s 503
}
