package orchestration

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
)

// MessageSweeper looks after queues whose messages tell of rows: it sends lost messages again, and puts in order what others
// sent.
type MessageSweeper struct {
	store  *store.Store
	limits MessageLimits
	logger *slog.Logger
}

// NewMessageSweeper makes the loop.
func NewMessageSweeper(s *store.Store, l MessageLimits, logger *slog.Logger) *MessageSweeper {
	return &MessageSweeper{s, l, logger}
}

// Run sweeps until ctx is done.
func (s *MessageSweeper) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-time.After(time.Duration(float64(s.limits.Interval) * (0.75 + rand.Float64()/2))):
		case <-ctx.Done():
			return
		}
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.logger.Warn("the sweep of the queues failed; it is tried again", "error", err)
		}
	}
}

// Sweep does so once. A message counts as lost when its row has waited for an interval.
func (s *MessageSweeper) Sweep(ctx context.Context) error {
	sent, err := s.store.ResendLost(ctx, s.limits.Interval)
	if err != nil {
		return err
	}
	if sent > 0 {
		s.logger.WarnContext(ctx, "messages were lost and are sent again", "messages", sent)
	}
	_, archived, err := s.store.SortForeignMessages(ctx, s.limits.Hide, s.limits.MaxReads)
	if archived > 0 {
		s.logger.ErrorContext(ctx, "messages that name no step are archived", "messages", archived)
	}
	return err
}
