package orchestration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// OrchestrationResultProcessor decides what the ends of attempts mean and has it written.
type OrchestrationResultProcessor struct {
	store   *store.Store
	catalog *catalog.Catalog
	endings *Endings
	timed   func()
	counts  *Counters
}

// NewOrchestrationResultProcessor makes the service. timed hears of timers that it makes.
func NewOrchestrationResultProcessor(s *store.Store, c *catalog.Catalog, e *Endings, timed func(), counts *Counters) *OrchestrationResultProcessor {
	return &OrchestrationResultProcessor{store: s, catalog: c, endings: e, timed: timed, counts: counts}
}

// ProcessStepResults applies results: steps move, what waited for them becomes ready, tasks advance. Results of attempts
// that are over change nothing. It can be called again with the same results.
func (p *OrchestrationResultProcessor) ProcessStepResults(ctx context.Context, results []workflow.AttemptResult, l store.Lease) (store.Applied, error) {
	outcomes, special, err := p.outcomes(ctx, results)
	if err != nil {
		return store.Applied{}, err
	}
	begun := time.Now()
	applied, err := p.apply(ctx, results, outcomes, special, l)
	if err == nil {
		p.applied(begun, outcomes, &applied)
	}
	return applied, err
}

// BeginStepResult is ProcessStepResults for one result and callers who must not wait: it is on its way, and the future is what
// came of it. nil: that cannot be done now, or with this result.
func (p *OrchestrationResultProcessor) BeginStepResult(ctx context.Context, r workflow.AttemptResult, l store.Lease) *store.Future[store.Applied] {
	outcomes, special, err := p.outcomes(inMemory, []workflow.AttemptResult{r})
	if err != nil || special != nil {
		return nil
	}
	begun := time.Now()
	return store.Then(p.store.BeginOutcome(ctx, outcomes[0], l), func(_ context.Context, applied store.Applied, err error) (store.Applied, error) {
		if err == nil {
			p.applied(begun, outcomes, &applied)
		}
		return applied, err
	})
}

// inMemory is done: who looks for something with it finds it in memory, or not.
var inMemory = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// outcomes decides what results mean.
func (p *OrchestrationResultProcessor) outcomes(ctx context.Context, results []workflow.AttemptResult) (outcomes []store.Outcome, special ways, err error) {
	outcomes = make([]store.Outcome, len(results))
	for i := range results {
		r := &results[i]
		o := store.Outcome{TaskUUID: r.TaskUUID, StepNo: r.StepNo, Attempt: r.Counts.Attempt, From: r.From, Kind: store.OutcomeRelease}
		if r.Result != nil {
			t, step, err := p.step(ctx, r.TemplateID, r.StepNo)
			if err != nil {
				return nil, nil, err
			}
			holdToSchema(step, r)
			if err := decide(step.Policy, r, &o); err != nil {
				return nil, nil, err
			}
			if t.Blueprint != nil {
				special.choose(t, i, &o)
			}
		}
		outcomes[i] = o
	}
	return outcomes, special, nil
}

// applied tells those whom it concerns of what was applied.
func (p *OrchestrationResultProcessor) applied(begun time.Time, outcomes []store.Outcome, applied *store.Applied) {
	p.counts.Processing.since(begun)
	p.counts.applied(outcomes, applied)
	for i := range outcomes {
		if outcomes[i].Kind == store.OutcomeRetry {
			p.timed()
			break
		}
	}
	p.endings.tell(applied.Ended)
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

// ErrTypeResultSchema is the error type of a step whose result does not meet the schema that its template enforces.
const ErrTypeResultSchema = "result_schema_violation"

// holdToSchema holds a success against the step's result schema. One that does not meet it is a failure that no retry repairs.
func holdToSchema(step *catalog.Step, r *workflow.AttemptResult) {
	if !r.Result.Success {
		return
	}
	violations := step.CheckResult(r.Result.Result)
	if len(violations) == 0 {
		return
	}
	failed := *r.Result
	failed.Success, failed.Result, failed.Status = false, nil, sdk.StatusFailed
	failed.Error = &sdk.StepExecutionError{
		Message: "the result does not meet result_schema: " + strings.Join(violations, "; "), ErrorType: ErrTypeResultSchema,
	}
	failed.Metadata.Retryable, failed.Metadata.ErrorType = false, ErrTypeResultSchema
	r.Result = &failed
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
