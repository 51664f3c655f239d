package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Checkpoint is how far a step got.
type Checkpoint struct {
	// Cursor and AccumulatedResults are the handler's own JSON; the latter may be nil.
	Cursor, AccumulatedResults json.RawMessage
	ItemsProcessed             int64
}

// CheckpointStore keeps checkpoints.
type CheckpointStore interface {
	// SaveCheckpoint stores how far an attempt got, and returns what later deliveries of the step are given. The attempt
	// goes on. It fails with [ErrLeaseLost] when the attempt is over.
	SaveCheckpoint(ctx context.Context, key StepKey, c Checkpoint) (json.RawMessage, error)
}

// yield stores the checkpoint of a handler that is not done, and returns the context to go on with. A failure is the end of the
// attempt.
func (s *HandlerDispatchService) yield(ctx context.Context, m *DispatchHandlerMessage, step *sdk.StepContext, c *sdk.Checkpoint) (*sdk.StepContext, *sdk.StepExecutionResult) {
	saved, err := s.saveCheckpoint(ctx, m.Key, c)
	switch {
	case err == nil:
		return step.WithCheckpoint(saved), nil
	case errors.Is(err, errBadCheckpoint):
		return step, Failed(m.Key, sdk.Permanent(err, sdk.WithType(sdk.ErrTypeCheckpoint)))
	}
	return step, Failed(m.Key, sdk.Retryable(fmt.Errorf("Checkpoint yield failed: %w", err), sdk.WithType(sdk.ErrTypeCheckpoint)))
}

var errBadCheckpoint = errors.New("the checkpoint cannot be stored")

func (s *HandlerDispatchService) saveCheckpoint(ctx context.Context, key StepKey, c *sdk.Checkpoint) (json.RawMessage, error) {
	if s.cfg.Checkpoints == nil {
		return nil, fmt.Errorf("%w: this worker keeps none", errBadCheckpoint)
	}
	if c.ItemsProcessed < 0 {
		return nil, fmt.Errorf("%w: items_processed is %d", errBadCheckpoint, c.ItemsProcessed)
	}
	at := Checkpoint{ItemsProcessed: c.ItemsProcessed, Cursor: json.RawMessage("null")}
	for _, part := range []struct {
		value any
		to    *json.RawMessage
	}{{c.Cursor, &at.Cursor}, {c.Results, &at.AccumulatedResults}} {
		if part.value == nil {
			continue
		}
		raw, err := encode(part.value)
		if err == nil {
			err = payload.Check(raw, s.cfg.Limits)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBadCheckpoint, err)
		}
		*part.to = raw
	}
	return s.cfg.Checkpoints.SaveCheckpoint(ctx, key, at)
}
