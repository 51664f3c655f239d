package orchestration

import (
	"context"
	"errors"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// way is how an outcome is written.
type way uint8

const (
	together way = iota // in one statement with others
	locked              // under a lock: the step may be given further children
	growing             // on its own: it may add steps to its task
)

// ways are those of outcomes of tasks that grow, by index, as far as they go other ways than together.
type ways map[int]chosenWay

type chosenWay struct {
	way
	template *catalog.Template
}

func (w *ways) choose(t *catalog.Template, i int, o *store.Outcome) {
	asBatch(t, o)
	chosen := together
	switch {
	case o.Kind != store.OutcomeComplete && o.Kind != store.OutcomeTolerate:
	case t.Blueprint.Kind(o.StepNo).Grows():
		chosen = growing
	case o.Pattern == 0 && t.Blueprint.MayGainChildren(o.StepNo):
		chosen = locked
	}
	if chosen == together {
		return
	}
	if *w == nil {
		*w = ways{}
	}
	(*w)[i] = chosenWay{chosen, t}
}

// asBatch has the outcome of a batch mean what its failure strategy says.
func asBatch(t *catalog.Template, o *store.Outcome) {
	if t.Blueprint.Kind(o.StepNo) != workflow.BatchWorkerStep {
		return
	}
	o.Pattern = t.Blueprint.Pattern(o.StepNo)
	if (o.Kind == store.OutcomeError || o.Kind == store.OutcomeCrashOut) && t.Blueprint.Policy(o.StepNo).Tolerant {
		o.Kind = store.OutcomeTolerate
	}
}

// apply writes outcomes, each in its way. All of it may be done again.
func (p *OrchestrationResultProcessor) apply(ctx context.Context, results []workflow.AttemptResult, outcomes []store.Outcome, w ways, l store.Lease) (store.Applied, error) {
	if len(w) == 0 {
		return p.store.ApplyOutcomes(ctx, outcomes, l)
	}
	all := appliedParts{Applied: store.Applied{States: make([]workflow.StepState, len(outcomes))}, lease: l}
	parts := [3][]int{}
	for i := range outcomes {
		parts[w[i].way] = append(parts[w[i].way], i)
	}
	if err := all.add(parts[together], outcomes, func(o []store.Outcome, l store.Lease) (store.Applied, error) { return p.store.ApplyOutcomes(ctx, o, l) }); err != nil {
		return all.Applied, err
	}
	if err := all.add(parts[locked], outcomes, func(o []store.Outcome, l store.Lease) (store.Applied, error) { return p.store.ApplyLocked(ctx, o, l) }); err != nil {
		return all.Applied, err
	}
	for _, i := range parts[growing] {
		err := all.add([]int{i}, outcomes, func(o []store.Outcome, l store.Lease) (store.Applied, error) {
			return p.store.ApplyGrowing(ctx, growingOutcome(w[i].template, o[0], results[i].Result), l)
		})
		if err != nil {
			return all.Applied, err
		}
	}
	return all.Applied, nil
}

// appliedParts gathers what came of parts of a batch.
type appliedParts struct {
	store.Applied
	lease store.Lease
}

func (a *appliedParts) add(part []int, outcomes []store.Outcome, apply func([]store.Outcome, store.Lease) (store.Applied, error)) error {
	if len(part) == 0 {
		return nil
	}
	batch := make([]store.Outcome, len(part))
	for k, i := range part {
		batch[k] = outcomes[i]
	}
	got, err := apply(batch, a.lease)
	if err != nil {
		return err
	}
	a.lease.Budget = max(a.lease.Budget-len(got.Leased), 0)
	a.Leased, a.Ended, a.Again = append(a.Leased, got.Leased...), append(a.Ended, got.Ended...), a.Again || got.Again
	for _, k := range got.Stale {
		a.Stale = append(a.Stale, part[k])
	}
	for k, state := range got.States {
		a.States[part[k]] = state
	}
	return nil
}

// growingOutcome is the end of a decision or of a batchable step. One that asks for what cannot be fails for good.
func growingOutcome(t *catalog.Template, o store.Outcome, r *sdk.StepExecutionResult) store.Growing {
	return store.Growing{
		Outcome: o, TemplateSteps: t.Blueprint.Stride(), Decisions: t.Blueprint.Decisions(),
		Grow: func(now workflow.Standing) (workflow.Growth, error) { return t.Blueprint.Grow(now, o.StepNo, o.Result) },
		Refuse: func(cause error) (store.Outcome, error) {
			var asked *workflow.GrowthError
			if !errors.As(cause, &asked) {
				return o, cause
			}
			refused := *r
			refused.Success, refused.Status = false, sdk.StatusError
			refused.Metadata.Retryable, refused.Metadata.ErrorType = false, asked.Type
			refused.Error = &sdk.StepExecutionError{Message: cause.Error(), ErrorType: asked.Type}
			detail, err := workflow.EncodeOutcome(&refused, "its outcome asks for what cannot be")
			o.Kind, o.Result, o.Detail = store.OutcomeRefuse, nil, detail
			return o, err
		},
	}
}
