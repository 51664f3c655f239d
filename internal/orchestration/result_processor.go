package orchestration

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// OrchestrationResultProcessor decides what the ends of attempts mean and has it written.
type OrchestrationResultProcessor struct {
	store   *store.Store
	catalog *catalog.Catalog
	endings *Endings
	timed   func()
}

// NewOrchestrationResultProcessor makes the service. timed hears of timers that it makes.
func NewOrchestrationResultProcessor(s *store.Store, c *catalog.Catalog, e *Endings, timed func()) *OrchestrationResultProcessor {
	return &OrchestrationResultProcessor{store: s, catalog: c, endings: e, timed: timed}
}

// ProcessStepResults applies results: steps move, what waited for them becomes ready, tasks advance. Results of attempts
// that are over change nothing. It can be called again with the same results.
func (p *OrchestrationResultProcessor) ProcessStepResults(ctx context.Context, results []workflow.AttemptResult, l store.Lease) (store.Applied, error) {
	outcomes := make([]store.Outcome, len(results))
	for i := range results {
		r := &results[i]
		o := store.Outcome{TaskUUID: r.TaskUUID, StepNo: r.StepNo, Attempt: r.Counts.Attempt, From: r.From, Kind: store.OutcomeRelease}
		if r.Result != nil {
			if err := p.decide(ctx, r, &o); err != nil {
				return store.Applied{}, err
			}
		}
		outcomes[i] = o
	}
	applied, err := p.store.ApplyOutcomes(ctx, outcomes, l)
	if err != nil {
		return applied, err
	}
	for i := range outcomes {
		if outcomes[i].Kind == store.OutcomeRetry {
			p.timed()
			break
		}
	}
	p.endings.tell(applied.Ended)
	return applied, nil
}

func (p *OrchestrationResultProcessor) decide(ctx context.Context, r *workflow.AttemptResult, o *store.Outcome) error {
	policy, err := p.policy(ctx, r.TemplateID, r.StepNo)
	if err != nil {
		return err
	}
	d := workflow.DecideOutcome(policy, r.Counts, r.Result, rand.Float64())
	o.ExecutionTimeMS = r.Result.Metadata.ExecutionTimeMS
	switch {
	case d.To == workflow.StepComplete:
		o.Kind, o.Result = store.OutcomeComplete, r.Result.Result
	case d.To == workflow.StepError:
		o.Kind = store.OutcomeError
	case d.Delay > 0:
		o.Kind, o.Delay = store.OutcomeRetry, d.Delay
	default:
		o.Kind = store.OutcomeRetryNow
	}
	o.Detail, err = workflow.EncodeOutcome(r.Result, d.Reason)
	return err
}

func (p *OrchestrationResultProcessor) policy(ctx context.Context, templateID, stepNo int32) (workflow.RetryPolicy, error) {
	t, err := p.catalog.ByID(ctx, templateID)
	if err != nil {
		return workflow.RetryPolicy{}, err
	}
	if int(stepNo) >= len(t.Steps) {
		return workflow.RetryPolicy{}, fmt.Errorf("template %s/%s %s has no step number %d", t.Namespace, t.Name, t.Version, stepNo)
	}
	return t.Steps[stepNo].Policy, nil
}
