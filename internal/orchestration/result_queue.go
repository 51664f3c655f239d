package orchestration

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// ResultQueue processes the results that workers left for a server.
type ResultQueue struct {
	store    *store.Store
	results  *ResultProcessorActor
	interval time.Duration
	limit    int
	logger   *slog.Logger
	hints    chan struct{}
}

// NewResultQueue makes the loop; interval is how often the queue is looked at without a hint.
func NewResultQueue(s *store.Store, results *ResultProcessorActor, interval time.Duration, limit int, logger *slog.Logger) *ResultQueue {
	return &ResultQueue{store: s, results: results, interval: interval, limit: limit, logger: logger, hints: make(chan struct{}, 1)}
}

// Hint says that results may be waiting. It never waits.
func (q *ResultQueue) Hint() {
	select {
	case q.hints <- struct{}{}:
	default:
	}
}

// Run processes results until ctx is done.
func (q *ResultQueue) Run(ctx context.Context) {
	trouble := backoff.NewExponentialBackOff()
	trouble.InitialInterval, trouble.MaxInterval = 20*time.Millisecond, time.Second
	for ctx.Err() == nil {
		n, err := q.process(ctx)
		wait := q.interval
		switch {
		case err != nil && ctx.Err() == nil:
			q.logger.Warn("queued results cannot be processed at the moment", "error", err)
			wait = trouble.NextBackOff()
		case n == q.limit:
			continue
		default:
			trouble.Reset()
		}
		select {
		case <-q.hints:
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// process applies one batch. A result that is taken twice changes nothing the second time.
func (q *ResultQueue) process(ctx context.Context) (int, error) {
	taken, err := q.store.TakeResults(ctx, q.limit)
	if err != nil || len(taken) == 0 {
		return 0, err
	}
	results, ids := make([]workflow.AttemptResult, len(taken)), make([]int64, len(taken))
	for i := range taken {
		ids[i] = taken[i].ID
		if results[i], err = attemptResult(&taken[i]); err != nil {
			return 0, err
		}
	}
	if _, err := actor.Ask(ctx, q.results.Handle, ProcessStepResultMessage{Results: results}); err != nil {
		return 0, err
	}
	return len(taken), q.store.DropResults(ctx, ids)
}

func attemptResult(r *store.QueuedResult) (workflow.AttemptResult, error) {
	result := &sdk.StepExecutionResult{
		StepUUID: sdk.StepUUID(r.TaskUUID, r.StepNo),
		Success:  r.From != workflow.StepEnqueuedAsErrorForOrchestration,
		Result:   r.Result,
	}
	if err := workflow.RestoreOutcome(r.Detail, result); err != nil {
		return workflow.AttemptResult{}, fmt.Errorf("step %d of task %s: %w", r.StepNo, r.TaskUUID, err)
	}
	return workflow.AttemptResult{
		TaskUUID: r.TaskUUID, TemplateID: r.TemplateID, StepNo: r.StepNo, Counts: r.Counts, From: r.From, Result: result,
	}, nil
}
