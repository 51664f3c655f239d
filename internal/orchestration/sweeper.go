package orchestration

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Sweeper repairs, at intervals, what no one else will: steps of lost workers and steps that no worker can run.
type Sweeper struct {
	enqueuer *StepEnqueuerService
	interval time.Duration
	logger   *slog.Logger
}

// buryEvery is how often the books of lost workers are closed.
const buryEvery = 30 * time.Second

// NewSweeper makes the loop; interval is the time between sweeps, jittered.
func NewSweeper(e *StepEnqueuerService, interval time.Duration, logger *slog.Logger) *Sweeper {
	return &Sweeper{enqueuer: e, interval: interval, logger: logger}
}

// Run sweeps until ctx is done.
func (s *Sweeper) Run(ctx context.Context) {
	var buried time.Time
	for ctx.Err() == nil {
		select {
		case <-time.After(time.Duration(float64(s.interval) * (0.75 + rand.Float64()/2))):
		case <-ctx.Done():
			return
		}
		_, err := s.enqueuer.RecoverLostSteps(ctx)
		_, refused := s.enqueuer.RefuseUnknownHandlers(ctx)
		err = errors.Join(err, refused)
		if time.Since(buried) > buryEvery {
			buried, err = time.Now(), errors.Join(err, s.enqueuer.store.BuryWorkers(ctx))
		}
		if err != nil && ctx.Err() == nil {
			s.logger.Warn("the sweep failed; it is tried again", "error", err)
		}
	}
}
