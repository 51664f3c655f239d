package worker

import (
	"context"

	"github.com/tasker-systems/tasker-go/internal/store"
)

// intake is where a worker finds steps for its free slots. It has them leased and starts them.
type intake interface {
	// take leases at most l.Budget steps. An error may come with steps that were started before it.
	take(ctx context.Context, l store.Lease) (Taken, error)
}

func newIntake(d Dependencies, k *LeaseKeeper, executor *StepExecutorActor) intake {
	if d.Messages {
		return &messageIntake{executor: executor, served: k.Queues, all: d.PollInterval}
	}
	return &rowIntake{d.Store, executor}
}

// Taken tells what became of a claim.
type Taken struct {
	// Started steps use a slot each.
	Started int
	// Failed steps are leased to the worker but could not be started: they have to be adopted.
	Failed int
	// More says that there is more to claim.
	More bool
}

// rowIntake claims by the rows of ready steps.
type rowIntake struct {
	store    *store.Store
	executor *StepExecutorActor
}

func (i *rowIntake) take(ctx context.Context, l store.Lease) (Taken, error) {
	steps, more, err := i.store.ClaimSteps(ctx, l)
	taken := i.executor.executeAll(ctx, steps)
	taken.More = more
	return taken, err
}
