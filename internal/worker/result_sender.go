package worker

import (
	"context"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// ResultSender takes results to orchestration. The inline one has them processed here and now; the queue one stores them
// for a server to process.
type ResultSender interface {
	// Send hands over all results or none. Steps that became ready and were leased are in the answer.
	Send(ctx context.Context, results []workflow.AttemptResult, l store.Lease) (store.Applied, error)
}
