package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// lookForRevoked is how often a worker asks which of its attempts are over, in case a notice of it was lost.
const lookForRevoked = 750 * time.Millisecond

// Revocations tells handlers that run whose attempt is no longer the worker's: its task was cancelled, or its step ended or
// reset by hand.
type Revocations struct {
	store   *store.Store
	ledger  *ledger
	logger  *slog.Logger
	notices chan sdk.UUID
}

func newRevocations(s *store.Store, l *ledger, logger *slog.Logger) *Revocations {
	return &Revocations{store: s, ledger: l, logger: logger, notices: make(chan sdk.UUID, 256)}
}

// Notice says that steps of a task were taken away. It never waits: what does not fit is found by looking.
func (r *Revocations) Notice(task sdk.UUID) {
	select {
	case r.notices <- task:
	default:
	}
}

// Run tells handlers until ctx is done.
func (r *Revocations) Run(ctx context.Context) {
	look := time.NewTicker(lookForRevoked)
	defer look.Stop()
	for {
		var task sdk.UUID
		select {
		case task = <-r.notices:
		case <-look.C:
		case <-ctx.Done():
			return
		}
		if err := r.revoke(ctx, task); err != nil && ctx.Err() == nil {
			r.logger.Warn("handlers of cancelled steps cannot be told yet", "error", err)
		}
	}
}

// revoke cancels what is over among the attempts in flight, of one task or, with the zero UUID, of all.
func (r *Revocations) revoke(ctx context.Context, task sdk.UUID) error {
	jobs := r.ledger.matching(task)
	if len(jobs) == 0 {
		return nil
	}
	held := make([]store.HeldAttempt, len(jobs))
	for i, j := range jobs {
		held[i] = store.HeldAttempt(j.message.Key)
	}
	over, err := r.store.RevokedSteps(ctx, held)
	for _, i := range over {
		jobs[i].message.Cancel(dispatch.ErrCancelled)
	}
	return err
}
