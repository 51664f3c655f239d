// Package sdk is what a Go program writes steps with: handlers, their context, their results and their errors.
//
// A [StepHandler] does the work of one step. It is registered under the name that a template's handler.callable gives:
//
//	registry := sdk.NewRegistry()
//	registry.Register("order.charge", sdk.Typed(func(ctx context.Context, order Order, step *sdk.StepContext) (Payment, error) {
//		cart, err := sdk.Dependency[Cart](ctx, step, "validate_cart")
//		if err != nil {
//			return Payment{}, err
//		}
//		return gateway.Charge(ctx, order.Card, cart.Total, step.IdempotencyKey())
//	}))
//
// A handler runs at least once, and once unless a process or a connection fails. Effects outside of Tasker are made
// exactly-once by passing [StepContext.IdempotencyKey], which stays the same across attempts.
//
// The package needs no cgo and imports nothing of the engine: sdk/worker runs handlers, sdk/client talks to a server,
// sdk/tasktest runs a template in a test.
package sdk
