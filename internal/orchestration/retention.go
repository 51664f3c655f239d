package orchestration

import (
	"context"
	"log/slog"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// RetentionConfig says what is removed when. An age of zero keeps everything.
type RetentionConfig struct {
	Enabled bool
	// Interval is the time between rounds. Defaults to one hour.
	Interval time.Duration
	// BatchSize bounds what one statement removes. Defaults to 500.
	BatchSize int
	// FinishedTasks is how long tasks are kept after their end, DomainEvents how long events after they were published, and
	// Archives how long archived messages, stopped workers and replaced templates.
	FinishedTasks, DomainEvents, Archives time.Duration
}

// RetentionService removes what ended long ago, in batches, so that nothing else waits for it long.
type RetentionService struct {
	store  *store.Store
	cfg    RetentionConfig
	logger *slog.Logger
}

// NewRetentionService makes the service.
func NewRetentionService(s *store.Store, cfg RetentionConfig, logger *slog.Logger) *RetentionService {
	if cfg.Interval <= 0 {
		cfg.Interval = time.Hour
	}
	if cfg.BatchSize <= 0 {
		cfg.BatchSize = 500
	}
	return &RetentionService{store: s, cfg: cfg, logger: logger}
}

// Run does a round at once and then at intervals, until ctx is done.
func (r *RetentionService) Run(ctx context.Context) {
	for ctx.Err() == nil {
		removed, err := r.Round(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			r.logger.Warn("old data cannot be removed at the moment", "error", err)
		case removed != Removed{}:
			r.logger.Info("old data was removed", "tasks", removed.Tasks, "domain_events", removed.DomainEvents, "archived", removed.Archived)
		}
		select {
		case <-time.After(r.cfg.Interval):
		case <-ctx.Done():
		}
	}
}

// Removed counts what one round removed; Archived are messages, workers and templates.
type Removed struct{ Tasks, DomainEvents, Archived int }

// Round removes all that is old enough.
func (r *RetentionService) Round(ctx context.Context) (total Removed, err error) {
	if total.Tasks, err = r.tasks(ctx); err != nil {
		return total, err
	}
	if total.DomainEvents, err = r.drain(ctx, r.cfg.DomainEvents, r.store.RemoveDomainEvents); err != nil {
		return total, err
	}
	if total.Archived, err = r.drain(ctx, r.cfg.Archives, r.store.RemoveArchived); err != nil || r.cfg.Archives <= 0 {
		return total, err
	}
	remains, err := r.store.RemoveRemains(ctx, r.cfg.Archives)
	total.Archived += remains
	return total, err
}

// tasks removes tasks in batches, and in smaller ones where tasks of many steps make one statement take too long.
func (r *RetentionService) tasks(ctx context.Context) (total int, err error) {
	if r.cfg.FinishedTasks <= 0 {
		return 0, nil
	}
	batch := r.cfg.BatchSize
	for after := (sdk.UUID{}); ; {
		last, removed, err := r.store.RemoveTasks(ctx, after, r.cfg.FinishedTasks, batch)
		total += removed
		switch {
		case batch > 1 && store.Classify(err) == store.RemedyRetry:
			batch /= 2
		case err != nil || last == (sdk.UUID{}):
			return total, err
		default:
			after = last
		}
	}
}

// drain removes batch after batch until one finds nothing.
func (r *RetentionService) drain(ctx context.Context, age time.Duration, remove func(context.Context, time.Duration, int) (int, error)) (total int, err error) {
	for age > 0 {
		n, err := remove(ctx, age, r.cfg.BatchSize)
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}
