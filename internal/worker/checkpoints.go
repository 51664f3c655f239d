package worker

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/store"
)

// Checkpoints keep in the store how far steps got, for handlers of every language.
type Checkpoints struct{ store *store.Store }

var _ dispatch.CheckpointStore = Checkpoints{}

// NewCheckpoints makes checkpoints over a store.
func NewCheckpoints(s *store.Store) Checkpoints { return Checkpoints{s} }

// SaveCheckpoint implements [dispatch.CheckpointStore].
func (c Checkpoints) SaveCheckpoint(ctx context.Context, key dispatch.StepKey, at dispatch.Checkpoint) (json.RawMessage, error) {
	saved, err := c.store.SaveCheckpoint(ctx, key.TaskUUID, key.StepNo, key.Attempt, at.Cursor, at.ItemsProcessed, at.AccumulatedResults)
	if errors.Is(err, store.ErrNotFound) {
		return nil, dispatch.ErrLeaseLost
	}
	return saved, err
}
