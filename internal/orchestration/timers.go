package orchestration

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Timers fires each timer when it is due: it sleeps until the next one that it knows of, and looks for others at intervals.
type Timers struct {
	enqueuer *StepEnqueuerService
	interval time.Duration
	logger   *slog.Logger
	wake     chan struct{}
	next     atomic.Int64 // Unix nanoseconds of the earliest timer made in this process and not fired yet; 0 is none
}

// NewTimers makes the loop; interval is how often it looks for timers of other processes.
func NewTimers(e *StepEnqueuerService, interval time.Duration, logger *slog.Logger) *Timers {
	return &Timers{enqueuer: e, interval: interval, logger: logger, wake: make(chan struct{}, 1)}
}

// Expect says that a timer was made that is due after this delay. It never waits.
func (t *Timers) Expect(delay time.Duration) {
	due := time.Now().Add(delay).UnixNano()
	for {
		known := t.next.Load()
		if known != 0 && known <= due {
			return
		}
		if t.next.CompareAndSwap(known, due) {
			break
		}
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Run fires timers until ctx is done.
func (t *Timers) Run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := t.interval
		if due := t.next.Load(); due != 0 {
			pause = min(pause, time.Until(time.Unix(0, due)))
		}
		if until, ok, err := t.enqueuer.store.NextTimer(ctx); err == nil && ok {
			pause = min(pause, until)
		}
		select {
		case <-time.After(max(pause, 0)):
		case <-t.wake:
			continue
		case <-ctx.Done():
			return
		}
		if due := t.next.Load(); due != 0 && time.Now().UnixNano() >= due {
			t.next.CompareAndSwap(due, 0)
		}
		if _, err := t.enqueuer.FireTimers(ctx); err != nil && ctx.Err() == nil {
			t.logger.Warn("timers cannot be fired at the moment", "error", err)
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}
