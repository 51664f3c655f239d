package orchestration

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// queueLoop empties a queue, again and again: at once while batches are full, after a hint, and after an interval in case that
// a hint is lost.
type queueLoop struct {
	interval time.Duration
	batch    int
	hints    chan struct{}
}

func newQueueLoop(interval time.Duration, batch int) queueLoop {
	return queueLoop{interval: interval, batch: batch, hints: make(chan struct{}, 1)}
}

// Hint says that something may be waiting. It never waits.
func (l *queueLoop) Hint() {
	select {
	case l.hints <- struct{}{}:
	default:
	}
}

// run has batches processed until ctx is done. After an error, which failed is told, it tries again soon, and then less and less
// often.
func (l *queueLoop) run(ctx context.Context, process func(context.Context) (n int, err error), failed func(error)) {
	trouble := backoff.NewExponentialBackOff()
	trouble.InitialInterval, trouble.MaxInterval = 20*time.Millisecond, time.Second
	for ctx.Err() == nil {
		n, err := process(ctx)
		wait := l.interval
		if err != nil && ctx.Err() == nil {
			failed(err)
			wait = trouble.NextBackOff()
		} else {
			trouble.Reset()
			if n == l.batch {
				continue
			}
		}
		select {
		case <-l.hints:
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}
