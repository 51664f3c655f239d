package worker

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// ResultSender takes results to orchestration. The inline one has them processed here and now; [QueueSender] stores them
// for a server to process.
type ResultSender interface {
	// Send hands over all results or none. Steps that became ready and were leased are in the answer.
	Send(ctx context.Context, results []workflow.AttemptResult, l store.Lease) (store.Applied, error)
	// Begin is Send for one result and callers who must not wait: it is on its way, and the future is the answer. nil: only Send
	// will do.
	Begin(ctx context.Context, result workflow.AttemptResult, l store.Lease) *store.Future[store.Applied]
}

// QueueSender stores results and leaves the decisions about them to a server.
type QueueSender struct {
	store  *store.Store
	logger *slog.Logger
}

// NewQueueSender makes the sender.
func NewQueueSender(s *store.Store, logger *slog.Logger) *QueueSender { return &QueueSender{s, logger} }

// Send stores the results; attempts that are given back need no decision and are applied.
func (q *QueueSender) Send(ctx context.Context, results []workflow.AttemptResult, l store.Lease) (store.Applied, error) {
	var reports []store.Report
	var released []store.Outcome
	for i := range results {
		r := &results[i]
		if r.Result == nil {
			released = append(released, store.Outcome{TaskUUID: r.TaskUUID, StepNo: r.StepNo, Attempt: r.Counts.Attempt, Kind: store.OutcomeRelease})
			continue
		}
		stored, err := report(r)
		if err != nil {
			return store.Applied{}, err
		}
		reports = append(reports, stored)
	}
	if len(reports) > 0 {
		accepted, err := q.store.ReportResults(ctx, reports, l.WorkerID)
		if err != nil {
			return store.Applied{}, err
		}
		if n := len(reports) - accepted; n > 0 {
			q.logger.WarnContext(ctx, "results were stored before, or their attempts are no longer this worker's", "results", n)
		}
	}
	if len(released) == 0 {
		return store.Applied{}, nil
	}
	_, err := q.store.ApplyOutcomes(ctx, released, store.Lease{WorkerID: l.WorkerID})
	return store.Applied{}, err
}

// Begin leaves results to Send.
func (q *QueueSender) Begin(context.Context, workflow.AttemptResult, store.Lease) *store.Future[store.Applied] {
	return nil
}

func report(r *workflow.AttemptResult) (store.Report, error) {
	detail, err := workflow.EncodeOutcome(r.Result, "")
	rep := store.Report{
		TaskUUID: r.TaskUUID, StepNo: r.StepNo, Attempt: r.Counts.Attempt, Success: r.Result.Success, Detail: detail,
		ExecutionTimeMS: r.Result.Metadata.ExecutionTimeMS,
	}
	if r.Result.Success {
		rep.Result = r.Result.Result
	}
	return rep, err
}
