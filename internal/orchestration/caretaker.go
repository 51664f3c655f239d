package orchestration

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// BlockedPolicy says what becomes of a task whose failures nobody repairs.
type BlockedPolicy string

// The policies.
const (
	// BlockedRests leaves the task blocked_by_failures until somebody acts. It is the default.
	BlockedRests BlockedPolicy = "rest"
	// BlockedFails ends the task in state error once no step of it can move any more.
	BlockedFails BlockedPolicy = "error"
)

// caretakerBatch bounds the tasks of one round.
const caretakerBatch = 200

// Caretaker looks after blocked tasks: it enters them among the dead letters, and ends them if the policy says so.
type Caretaker struct {
	store    *store.Store
	policy   BlockedPolicy
	letters  bool
	interval time.Duration
	endings  *Endings
	logger   *slog.Logger
}

// NewCaretaker makes the loop. letters says whether blocked tasks are entered among the dead letters.
func NewCaretaker(s *store.Store, policy BlockedPolicy, letters bool, interval time.Duration, e *Endings, logger *slog.Logger) *Caretaker {
	return &Caretaker{store: s, policy: policy, letters: letters, interval: interval, endings: e, logger: logger}
}

// Run does rounds at intervals until ctx is done.
func (c *Caretaker) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-time.After(c.interval):
		case <-ctx.Done():
			return
		}
		if err := c.Round(ctx); err != nil && ctx.Err() == nil {
			c.logger.Warn("blocked tasks cannot be looked after at the moment", "error", err)
		}
	}
}

// Round does all there is to do.
func (c *Caretaker) Round(ctx context.Context) error {
	for c.letters {
		if n, err := c.store.ReportBlockedTasks(ctx, caretakerBatch); err != nil || n < caretakerBatch {
			if err != nil {
				return err
			}
			break
		}
	}
	if c.policy != BlockedFails {
		return nil
	}
	tasks, err := c.store.HopelessTasks(ctx, caretakerBatch, c.letters)
	if err != nil {
		return err
	}
	for _, task := range tasks {
		i := store.Intervention{TaskUUID: task, Action: "give_up", By: "tasker", Reason: "orchestration.blocked_by_failures is error"}
		switch _, err := c.store.Repair(ctx, i, workflow.GiveUp); {
		case err == nil:
			c.endings.tell([]store.EndedTask{{TaskUUID: task, State: workflow.TaskError}})
		case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	return nil
}
