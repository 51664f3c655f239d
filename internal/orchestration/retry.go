package orchestration

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tasker-systems/tasker-go/internal/store"
)

// retry runs op until it works, its error is one that stays, or the deadline has passed. unknown says that a try may have
// been committed without an answer.
func retry(ctx context.Context, deadline time.Time, op func() error) (unknown bool, err error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 5*time.Millisecond, 500*time.Millisecond
	for {
		err := op()
		remedy := store.Classify(err)
		if remedy != store.RemedyRetry && remedy != store.RemedyReconnect {
			return unknown, err
		}
		unknown = unknown || remedy == store.RemedyReconnect
		pause := wait.NextBackOff()
		if time.Now().Add(pause).After(deadline) {
			return unknown, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return unknown, err
		}
	}
}
