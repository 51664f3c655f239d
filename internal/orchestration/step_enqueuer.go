package orchestration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// sweepLimit bounds the steps that one statement of a sweep ends.
const sweepLimit = 500

// StepEnqueuerService readies steps that nothing else will ready: those whose time has come, and those whose worker is
// gone. Sweeps need no leader. They go by what is in the database alone, and several at once share the work.
type StepEnqueuerService struct {
	store   *store.Store
	results *OrchestrationResultProcessor
	grace   time.Duration
	watch   leaseWatch
	logger  *slog.Logger
}

// NewStepEnqueuerService makes the service.
func NewStepEnqueuerService(d Dependencies, results *OrchestrationResultProcessor) *StepEnqueuerService {
	grace := d.Config.UnknownHandlerGrace
	if grace <= 0 {
		grace = 5 * time.Second
	}
	return &StepEnqueuerService{
		store: d.Store, results: results, grace: grace, logger: d.Logger,
		watch: leaseWatch{longestGap: max(time.Second, 2*d.Config.ReapInterval)},
	}
}

// ProcessBatch does one sweep over everything.
func (s *StepEnqueuerService) ProcessBatch(ctx context.Context) (r StepEnqueuerServiceResult, err error) {
	var errs [3]error
	r.TimersFired, errs[0] = s.FireTimers(ctx)
	r.StepsRecovered, errs[1] = s.RecoverLostSteps(ctx)
	r.StepsRefused, errs[2] = s.RefuseUnknownHandlers(ctx)
	return r, errors.Join(errs[:]...)
}

// FireTimers readies all steps whose time has come.
func (s *StepEnqueuerService) FireTimers(ctx context.Context) (total int, err error) {
	for {
		n, err := s.store.FireTimers(ctx)
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}

// RecoverLostSteps ends the attempts of workers whose lease has run out. A step that has lost too many workers fails.
func (s *StepEnqueuerService) RecoverLostSteps(ctx context.Context) (total int, err error) {
	defer func() { s.watch.swept(time.Now(), err) }()
	if err := s.store.EndLeases(ctx, s.watch.unbroken(time.Now())); err != nil {
		return 0, err
	}
	for {
		lost, err := s.store.LostSteps(ctx, sweepLimit)
		if err != nil || len(lost) == 0 {
			return total, err
		}
		outcomes := make([]store.Outcome, 0, len(lost))
		var left error // why steps were left: one that cannot be judged keeps no other
		for _, l := range lost {
			o, err := s.crash(ctx, l)
			if err != nil {
				left = errors.Join(left, fmt.Errorf("step %d of task %s: %w", l.StepNo, l.TaskUUID, err))
				continue
			}
			outcomes = append(outcomes, o)
		}
		applied, err := s.store.ApplyOutcomes(ctx, outcomes, store.Lease{})
		if err != nil {
			return total, err
		}
		recovered := len(outcomes) - len(applied.Stale)
		total += recovered
		if recovered > 0 {
			s.logger.WarnContext(ctx, "steps of lost workers are queued again", "steps", recovered, "worker", lost[0].Worker)
		}
		if left != nil || len(lost) < sweepLimit {
			return total, left
		}
	}
}

func (s *StepEnqueuerService) crash(ctx context.Context, l store.LostStep) (store.Outcome, error) {
	t, step, err := s.results.step(ctx, l.TemplateID, l.StepNo)
	if err != nil {
		return store.Outcome{}, err
	}
	l.Counts.Crashes++
	d := workflow.DecideCrash(step.Policy, l.Counts)
	o := store.Outcome{TaskUUID: l.TaskUUID, StepNo: l.StepNo, Attempt: l.Counts.Attempt, Kind: store.OutcomeCrash}
	failure := &sdk.StepExecutionResult{
		Metadata: sdk.StepExecutionMetadata{Retryable: true, ErrorType: sdk.ErrTypeLeaseExpired},
		Error: &sdk.StepExecutionError{
			Message:   fmt.Sprintf("worker %s stopped sending heartbeats while it ran the step", l.Worker),
			ErrorType: sdk.ErrTypeLeaseExpired, Retryable: true,
		},
	}
	if d.To == workflow.StepError {
		o.Kind = store.OutcomeCrashOut
		failure.Metadata = sdk.StepExecutionMetadata{ErrorType: sdk.ErrTypeWorkerLost}
		failure.Error.ErrorType, failure.Error.Retryable = sdk.ErrTypeWorkerLost, false
	}
	if t.Blueprint != nil {
		asBatch(t, &o)
	}
	o.Detail, err = workflow.EncodeOutcome(failure, d.Reason)
	return o, err
}

// RefuseUnknownHandlers fails steps whose handler no worker has ever offered, though one serves their namespace.
func (s *StepEnqueuerService) RefuseUnknownHandlers(ctx context.Context) (total int, err error) {
	orphans, err := s.store.OrphanHandlers(ctx, s.grace)
	if err != nil || len(orphans) == 0 {
		return 0, err
	}
	for _, h := range orphans {
		failure := &sdk.StepExecutionResult{
			Metadata: sdk.StepExecutionMetadata{ErrorType: sdk.ErrTypeHandlerNotFound},
			Error: &sdk.StepExecutionError{
				Message: "Handler not found: " + h.Callable, ErrorType: sdk.ErrTypeHandlerNotFound,
			},
		}
		raw, err := workflow.EncodeOutcome(failure, fmt.Sprintf("no worker of namespace %s has ever offered it", h.Namespace))
		if err != nil {
			return total, err
		}
		n, err := s.store.RefuseReadySteps(ctx, h.ID, raw)
		if err != nil {
			return total, err
		}
		total += n
		s.logger.ErrorContext(ctx, "steps fail because no worker has their handler", "handler", h.Callable, "namespace", h.Namespace, "steps", n)
	}
	return total, nil
}
