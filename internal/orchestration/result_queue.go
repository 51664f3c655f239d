package orchestration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// ResultSource is where results wait. The [store.Store] finds them by their rows, [store.MessageResults] by messages.
type ResultSource interface {
	// TakeResults takes up to limit results, which no other server gets for a while.
	TakeResults(ctx context.Context, limit int) ([]store.QueuedResult, error)
	// DropResults ends what was taken, once it is applied.
	DropResults(ctx context.Context, ids []int64) error
}

// quitter is a source that sets aside what was taken in vain too often.
type quitter interface {
	GiveUp(ctx context.Context, failed []store.QueuedResult) (given []store.QueuedResult, err error)
}

// ResultQueue processes the results that workers left for a server.
type ResultQueue struct {
	queueLoop
	source  ResultSource
	results *ResultProcessorActor
	logger  *slog.Logger
}

// NewResultQueue makes the loop; interval is how often the source is looked at without a hint.
func NewResultQueue(s ResultSource, results *ResultProcessorActor, interval time.Duration, limit int, logger *slog.Logger) *ResultQueue {
	return &ResultQueue{queueLoop: newQueueLoop(interval, limit), source: s, results: results, logger: logger}
}

// Run processes results until ctx is done.
func (q *ResultQueue) Run(ctx context.Context) {
	q.run(ctx, q.process, func(err error) {
		q.logger.Warn("queued results cannot be processed at the moment", "error", err)
	})
}

// process applies one batch, or what can be applied of it. A result that is taken twice changes nothing the second time.
func (q *ResultQueue) process(ctx context.Context) (int, error) {
	taken, err := q.source.TakeResults(ctx, q.batch)
	if err != nil || len(taken) == 0 {
		return 0, err
	}
	err = q.apply(ctx, taken)
	if remedy := store.Classify(err); err == nil || remedy == store.RemedyRetry || remedy == store.RemedyReconnect || ctx.Err() != nil {
		return len(taken), err
	}
	var failed []store.QueuedResult
	var errs []error
	for i := range taken { // one of them is at fault: the others must not suffer
		if err := q.apply(ctx, taken[i:i+1]); err != nil {
			failed, errs = append(failed, taken[i]), append(errs, err)
		}
	}
	if source, ok := q.source.(quitter); ok && len(failed) > 0 {
		given, err := source.GiveUp(ctx, failed)
		errs = append(errs, err)
		for _, r := range given {
			q.logger.ErrorContext(ctx, "a result could not be processed and is set aside; its step waits until somebody resets it",
				"task_uuid", r.TaskUUID, "step", r.StepNo, "taken", r.Reads)
		}
	}
	return len(taken), errors.Join(errs...)
}

// apply applies all of these, or none.
func (q *ResultQueue) apply(ctx context.Context, taken []store.QueuedResult) (err error) {
	results, ids := make([]workflow.AttemptResult, len(taken)), make([]int64, len(taken))
	for i := range taken {
		ids[i] = taken[i].ID
		if results[i], err = attemptResult(&taken[i]); err != nil {
			return err
		}
	}
	if _, err := actor.Ask(ctx, q.results.Handle, ProcessStepResultMessage{Results: results}); err != nil {
		return err
	}
	return q.source.DropResults(ctx, ids)
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
