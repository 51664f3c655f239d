package orchestration

import (
	"context"
	"log/slog"
	"time"
)

// Timers fires each timer when it is due: it sleeps until the next one, and looks for those of other processes at intervals.
type Timers struct {
	enqueuer *StepEnqueuerService
	interval time.Duration
	logger   *slog.Logger
	made     chan struct{}
}

// NewTimers makes the loop; interval is how often it looks for timers of other processes.
func NewTimers(e *StepEnqueuerService, interval time.Duration, logger *slog.Logger) *Timers {
	return &Timers{enqueuer: e, interval: interval, logger: logger, made: make(chan struct{}, 1)}
}

// Made says that this process made a timer, which may be the next one due. It never waits.
func (t *Timers) Made() {
	select {
	case t.made <- struct{}{}:
	default:
	}
}

// elsewhere is how long a due timer is left to the process that fires it already.
const elsewhere = 10 * time.Millisecond

// Run fires timers until ctx is done.
func (t *Timers) Run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := t.interval
		until, ok, err := t.enqueuer.store.NextTimer(ctx)
		if err == nil && ok && until <= 0 {
			var fired int
			if fired, err = t.enqueuer.FireTimers(ctx); fired > 0 {
				continue
			}
			until = elsewhere
		}
		if err != nil && ctx.Err() == nil {
			t.logger.Warn("timers cannot be fired at the moment", "error", err)
		}
		if err == nil && ok {
			pause = min(pause, until)
		}
		select {
		case <-time.After(pause):
		case <-t.made:
		case <-ctx.Done():
		}
	}
}
