package sdk

import (
	"encoding/json"
	"fmt"
	"time"
)

// Checkpoint is how far a step got.
type Checkpoint struct {
	// Cursor is any JSON: where to go on.
	Cursor any
	// ItemsProcessed counts what is done. It must not be negative.
	ItemsProcessed int64
	// Results are what there is so far, any JSON. Nil keeps none.
	Results any
}

// Yield is the result of a handler that is not done: the checkpoint is stored, and the handler is called again, to go on from
// there ([Resume]). That uses up no attempt, and starts the step's time anew. When a later attempt fails, or its process dies,
// the next one goes on from the last checkpoint. One that cannot be stored fails the attempt, as checkpoint_error.
//
//	return sdk.Yield(sdk.Checkpoint{Cursor: next, ItemsProcessed: done, Results: totals}), nil
func Yield(c Checkpoint) StepResult { return StepResult{checkpoint: &c} }

// Yields returns the checkpoint of a result made by [Yield], or nil. It is for those who run handlers.
func (r StepResult) Yields() *Checkpoint { return r.checkpoint }

// SavedCheckpoint is a checkpoint as it was stored.
type SavedCheckpoint struct {
	Cursor         json.RawMessage `json:"cursor"`
	ItemsProcessed int64           `json:"items_processed"`
	Timestamp      time.Time       `json:"timestamp"`
	// Results are nil if there were none.
	Results json.RawMessage `json:"accumulated_results,omitempty"`
	// History holds the latest checkpoints, this one last.
	History []CheckpointMark `json:"history"`
}

// CheckpointMark is an entry in the history of checkpoints.
type CheckpointMark struct {
	Cursor    json.RawMessage `json:"cursor"`
	Timestamp time.Time       `json:"timestamp"`
}

// SavedCheckpoint is the last checkpoint of this step; nil if there is none. It may be of an earlier attempt.
func (s *StepContext) SavedCheckpoint() (*SavedCheckpoint, error) {
	raw := s.Checkpoint()
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var c SavedCheckpoint
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, Permanent(fmt.Errorf("checkpoint of step %s: %w", s.StepName(), err))
	}
	return &c, nil
}

// Resume decodes the last checkpoint of this step into a cursor and the results so far. Without one it returns begin and
// empty results. What does not fit the types fails the step for good.
func Resume[C, R any](step *StepContext, begin C) (cursor C, processed int64, results R, err error) {
	saved, err := step.SavedCheckpoint()
	if err != nil || saved == nil {
		return begin, 0, results, err
	}
	if err = json.Unmarshal(saved.Cursor, &cursor); err == nil && saved.Results != nil {
		err = json.Unmarshal(saved.Results, &results)
	}
	if err != nil {
		return begin, 0, results, Permanent(fmt.Errorf("checkpoint of step %s: %w", step.StepName(), err))
	}
	return cursor, saved.ItemsProcessed, results, nil
}
