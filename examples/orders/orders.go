// Package orders holds the handlers of the order_fulfillment example, which the demo runs: typed input, the result of an
// earlier step, configuration of the template, an error that is retried and one that is not.
package orders

import (
	"context"
	"fmt"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// Order is the context of an order_fulfillment task.
type Order struct {
	Customer Customer `json:"customer"`
	Items    []Item   `json:"items"`
}

// Customer pays for an [Order].
type Customer struct {
	ID    int    `json:"id"`
	Email string `json:"email"`
}

// Item is a line of an [Order].
type Item struct {
	ProductID  int `json:"product_id"`
	Quantity   int `json:"quantity"`
	PriceCents int `json:"price_cents"`
}

type cart struct {
	TotalCents int `json:"total_cents"`
	ItemCount  int `json:"item_count"`
}

type reservation struct {
	ReservationID string `json:"reservation_id"`
	HoldMinutes   any    `json:"hold_minutes"`
}

type payment struct {
	PaymentID   string `json:"payment_id"`
	AmountCents int    `json:"amount_cents"`
	Currency    any    `json:"currency"`
}

type shipment struct {
	TrackingNumber string `json:"tracking_number"`
	Carrier        any    `json:"carrier"`
}

// NewRegistry makes the handlers of the template order_fulfillment. Each takes about pace. The first attempt at the payment
// fails, so that there is a retry to see. What they make up depends on the step alone, so an attempt that runs again,
// after a crash, books the same payment.
func NewRegistry(pace time.Duration) *sdk.Registry {
	r := sdk.NewRegistry()
	r.Register("order.validate_cart", sdk.Typed(func(ctx context.Context, o Order, _ *sdk.StepContext) (c cart, err error) {
		for _, item := range o.Items {
			if item.Quantity < 1 {
				return c, sdk.Permanentf("product %d: a quantity of %d cannot be ordered", item.ProductID, item.Quantity)
			}
			c.ItemCount += item.Quantity
			c.TotalCents += item.Quantity * item.PriceCents
		}
		return c, wait(ctx, pace/2)
	}))
	r.Register("order.reserve_inventory", sdk.Typed(func(ctx context.Context, _ Order, step *sdk.StepContext) (reservation, error) {
		return reservation{number("rsv", step), step.Config()["hold_minutes"]}, wait(ctx, pace)
	}))
	r.Register("order.process_payment", sdk.Typed(func(ctx context.Context, _ Order, step *sdk.StepContext) (payment, error) {
		c, err := sdk.Dependency[cart](ctx, step, "validate_cart")
		if err != nil {
			return payment{}, err
		}
		if err := wait(ctx, pace); err != nil {
			return payment{}, err
		}
		if !step.IsRetry() {
			return payment{}, sdk.Retryablef("the payment gateway did not answer")
		}
		return payment{number("pay", step), c.TotalCents, step.Config()["currency"]}, nil
	}))
	r.Register("order.ship_order", sdk.Typed(func(ctx context.Context, _ Order, step *sdk.StepContext) (shipment, error) {
		return shipment{number("trk", step), step.Config()["carrier"]}, wait(ctx, pace)
	}))
	return r
}

// number makes up a number that is the same for every attempt of a step.
func number(kind string, step *sdk.StepContext) string {
	id := step.StepUUID()
	return fmt.Sprintf("%s_%x", kind, id[10:])
}

// wait takes its time, unless the step is told to stop.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
