package loopback

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

// store stands for the database.
type store struct {
	up                                atomic.Bool
	accepted                          atomic.Int64
	made, succeeded, failed, released atomic.Int64
	checkpoints                       atomic.Int64
	emit                              func(bridge.DomainEvent)
}

var errAway = errors.New("connection refused")

// AcceptResults implements [dispatch.ResultSink].
func (s *store) AcceptResults(_ context.Context, batch []*dispatch.Completion, _ int) (int, error) {
	if !s.up.Load() {
		return 0, errAway
	}
	var released, succeeded int64
	for _, c := range batch {
		switch {
		case c.Released:
			released++
		case c.Result.Success:
			succeeded++
		}
	}
	s.released.Add(released)
	s.succeeded.Add(succeeded)
	s.failed.Add(int64(len(batch)) - released - succeeded)
	s.accepted.Add(int64(len(batch)))
	return 0, nil
}

// SaveCheckpoint implements [dispatch.CheckpointStore].
func (s *store) SaveCheckpoint(_ context.Context, _ dispatch.StepKey, c dispatch.Checkpoint) (json.RawMessage, error) {
	if !s.up.Load() {
		return nil, errAway
	}
	s.checkpoints.Add(1)
	return c.Cursor, nil
}

func (s *store) counts() map[string]any {
	return map[string]any{
		"made": s.made.Load(), "succeeded": s.succeeded.Load(), "failed": s.failed.Load(), "released": s.released.Load(),
		"checkpoints": s.checkpoints.Load(),
	}
}

// monotonic is the system's monotonic clock in nanoseconds, which a C host can read as well.
func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // it exists
	return t.Nano()
}
