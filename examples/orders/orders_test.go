package orders_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/examples/orders"
	"github.com/tasker-systems/tasker-go/sdk/tasktest"
)

const orderTemplate = "../templates/order_fulfillment.yaml"

func TestAnOrderIsFulfilledAtItsSecondPayment(t *testing.T) {
	t.Parallel()
	task := tasktest.Run(t, orders.NewRegistry(0), orderTemplate, orders.Order{
		Customer: orders.Customer{ID: 1, Email: "ada@example.com"},
		Items:    []orders.Item{{ProductID: 1, Quantity: 2, PriceCents: 1250}, {ProductID: 2, Quantity: 1, PriceCents: 500}},
	})
	task.RequireComplete()
	require.JSONEq(t, `{"total_cents":3000,"item_count":3}`, string(task.Result("validate_cart")))
	var paid map[string]any
	require.NoError(t, json.Unmarshal(task.Result("process_payment"), &paid))
	require.Regexp(t, `^pay_[0-9a-f]{12}$`, paid["payment_id"])
	require.InDelta(t, 3000, paid["amount_cents"], 0)
	require.Equal(t, "EUR", paid["currency"])
	require.Equal(t, 2, task.Attempts("process_payment"))
	require.Equal(t, 1, task.Attempts("ship_order"))
}

func TestAnOrderOfNothingFailsForGood(t *testing.T) {
	t.Parallel()
	task := tasktest.Run(t, orders.NewRegistry(0), orderTemplate, orders.Order{
		Customer: orders.Customer{ID: 1, Email: "ada@example.com"},
		Items:    []orders.Item{{ProductID: 4}},
	})
	require.Equal(t, "blocked_by_failures", task.State)
	require.Equal(t, 1, task.Attempts("validate_cart"))
	require.Contains(t, task.Execution("validate_cart").Error.Message, "product 4: a quantity of 0 cannot be ordered")
}
