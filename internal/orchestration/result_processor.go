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
	var special ways
	for i := range results {
		r := &results[i]
		o := store.Outcome{TaskUUID: r.TaskUUID, StepNo: r.StepNo, Attempt: r.Counts.Attempt, From: r.From, Kind: store.OutcomeRelease}
		if r.Result != nil {
			t, step, err := p.step(ctx, r.TemplateID, r.StepNo)
			if err != nil {
				return store.Applied{}, err
			}
			if err := decide(step.Policy, r, &o); err != nil {
				return store.Applied{}, err
			}
			if t.Blueprint != nil {
				special.choose(t, i, &o)
			}
		}
		outcomes[i] = o
	}
	applied, err := p.apply(ctx, results, outcomes, special, l)
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

func decide(policy workflow.RetryPolicy, r *workflow.AttemptResult, o *store.Outcome) (err error) {
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

// step finds a step in the template that its task runs by.
func (p *OrchestrationResultProcessor) step(ctx context.Context, templateID, stepNo int32) (*catalog.Template, *catalog.Step, error) {
	t, err := p.catalog.ByID(ctx, templateID)
	if err != nil {
		return nil, nil, err
	}
	s := t.Step(stepNo)
	if s == nil {
		return nil, nil, fmt.Errorf("template %s/%s %s has no step number %d", t.Namespace, t.Name, t.Version, stepNo)
	}
	return t, s, nil
}
