package sdk

import (
	"encoding/json"
	"fmt"
)

// BatchCursor is one batch of a batchable step: the part of the work from Start, inclusive, to End, exclusive. Cursors are
// any JSON; what they mean is between the handlers.
type BatchCursor struct {
	// BatchID is unique among the batches, and becomes part of the step's name: process_csv_001.
	BatchID string `json:"batch_id"`
	Start   any    `json:"start_cursor"`
	End     any    `json:"end_cursor"`
	// Size is the number of items.
	Size int `json:"batch_size"`
}

// CreateBatches is the result of a batchable step that splits its work: a step is made of the batch_worker worker for each
// cursor, and runs as the batch_config of that says. A split that cannot be carried out fails the step for good, as
// BATCH_ERROR.
//
//	return sdk.CreateBatches("process_csv", rows, sdk.SplitRange(rows, 200, 5)...), nil
func CreateBatches(worker string, totalItems int, cursors ...BatchCursor) StepResult {
	return outcome(batchesKey, map[string]any{
		"type": "create_batches", "worker_template_name": worker, "worker_count": len(cursors), "cursor_configs": cursors,
		"total_items": totalItems,
	})
}

// NoBatches is the result of a batchable step that finds nothing to do. One batch is made all the same, which knows that it
// is none ([Batch.NoOp]), so that what waits for batches goes on.
func NoBatches() StepResult { return outcome(batchesKey, map[string]any{"type": "no_batches"}) }

// SplitRange splits the numbers from 0 to total into batches of at most size, or into maxBatches larger ones where that would
// be more; 0 sets no bound. The first batches take the remainder, so that no two differ by more than one. Nothing gives none.
func SplitRange(total, size, maxBatches int) []BatchCursor {
	if total <= 0 {
		return nil
	}
	size = max(size, 1)
	n := (total + size - 1) / size
	if maxBatches > 0 {
		n = min(n, maxBatches)
	}
	each, rest := total/n, total%n
	cursors, from := make([]BatchCursor, n), 0
	for i := range cursors {
		to := from + each
		if i < rest {
			to++
		}
		cursors[i] = BatchCursor{BatchID: fmt.Sprintf("%03d", i+1), Start: from, End: to, Size: to - from}
		from = to
	}
	return cursors
}

// Batch is what a batch worker is given.
type Batch struct {
	ID   string
	Size int
	// NoOp batches stand for none: there is nothing to do.
	NoOp bool
	// CursorField and FailureStrategy are those of the template's batch_config.
	CursorField, FailureStrategy string

	start, end json.RawMessage
}

// Batch is the batch that this step is for. A step that is no batch worker fails for good.
func (s *StepContext) Batch() (Batch, error) {
	var in struct {
		Cursor *struct {
			BatchID     string          `json:"batch_id"`
			StartCursor json.RawMessage `json:"start_cursor"`
			EndCursor   json.RawMessage `json:"end_cursor"`
			BatchSize   int             `json:"batch_size"`
		} `json:"cursor"`
		Metadata struct {
			CursorField     string `json:"cursor_field"`
			FailureStrategy string `json:"failure_strategy"`
		} `json:"batch_metadata"`
		NoOp bool `json:"is_no_op"`
	}
	if raw := s.StepInputs(); raw != nil {
		if err := json.Unmarshal(raw, &in); err != nil {
			return Batch{}, Permanent(fmt.Errorf("inputs of step %s: %w", s.StepName(), err), WithType(ErrTypeValidation))
		}
	}
	if in.Cursor == nil {
		return Batch{}, Permanentf("step %s is given no batch: it is no batch_worker", s.StepName())
	}
	c := in.Cursor
	return Batch{
		ID: c.BatchID, Size: c.BatchSize, NoOp: in.NoOp, CursorField: in.Metadata.CursorField, FailureStrategy: in.Metadata.FailureStrategy,
		start: c.StartCursor, end: c.EndCursor,
	}, nil
}

// Range decodes where the batch begins and ends. Cursors of another type fail the step for good.
func Range[T any](b Batch) (start, end T, err error) {
	if err = json.Unmarshal(b.start, &start); err == nil {
		err = json.Unmarshal(b.end, &end)
	}
	if err != nil {
		err = Permanent(fmt.Errorf("cursors of batch %s: %w", b.ID, err), WithType(ErrTypeValidation))
	}
	return start, end, err
}
