// Package approval holds the handlers of the approval_routing example: a decision that chooses which steps come into being,
// and a convergence over whichever of them ran.
package approval

import (
	"context"
	"slices"

	"github.com/tasker-systems/tasker-go/sdk"
)

// Request is the context of an approval_routing task.
type Request struct {
	// Amount is in whole units of money.
	Amount    int    `json:"amount"`
	Requester string `json:"requester"`
	Purpose   string `json:"purpose"`
}

// From these amounts on a manager, or finance too, must approve.
const (
	managerFrom = 1_000
	financeFrom = 5_000
)

type approval struct {
	By string `json:"approved_by"`
}

type verdict struct {
	Approved   bool     `json:"approved"`
	ApprovedBy []string `json:"approved_by"`
}

// Register adds the handlers.
func Register(r *sdk.Registry) {
	r.Register("approval.validate", sdk.Typed(validate))
	r.RegisterFunc("approval.route", route)
	r.RegisterFunc("approval.auto", approve("policy"))
	r.RegisterFunc("approval.manager", approve("manager"))
	r.RegisterFunc("approval.finance", approve("finance"))
	r.RegisterFunc("approval.finalize", finalize)
}

func validate(_ context.Context, in Request, _ *sdk.StepContext) (Request, error) {
	switch {
	case in.Amount <= 0 || in.Amount > 1_000_000:
		return in, sdk.Permanentf("an amount of %d cannot be approved", in.Amount)
	case in.Requester == "" || in.Purpose == "":
		return in, sdk.Permanentf("a request needs a requester and a purpose")
	}
	return in, nil
}

func route(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	in, err := sdk.Dependency[Request](ctx, step, "validate_request")
	if err != nil {
		return sdk.StepResult{}, err
	}
	var chosen sdk.StepResult
	switch {
	case in.Amount < managerFrom:
		chosen = sdk.CreateSteps("auto_approve")
	case in.Amount < financeFrom:
		chosen = sdk.CreateSteps("manager_approval")
	default:
		chosen = sdk.CreateSteps("manager_approval", "finance_review")
	}
	return chosen.With("amount", in.Amount), nil
}

func approve(by string) sdk.HandlerFunc {
	return func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success(approval{by}), nil }
}

// finalize reads the results of those of its dependencies that there are.
func finalize(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	v := verdict{Approved: true}
	for _, name := range step.Dependencies() {
		a, ran, err := sdk.OptionalDependency[approval](ctx, step, name)
		if err != nil {
			return sdk.StepResult{}, err
		}
		if ran {
			v.ApprovedBy = append(v.ApprovedBy, a.By)
		}
	}
	slices.Sort(v.ApprovedBy)
	return sdk.Success(v), nil
}
