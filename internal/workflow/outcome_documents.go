package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The keys of a result that decisions and batchable steps answer under.
const (
	decisionKey = "decision_point_outcome"
	batchesKey  = "batch_processing_outcome"
)

// decisionOutcome is what a decision returned.
type decisionOutcome struct {
	Type      string   `json:"type"`
	StepNames []string `json:"step_names"`
}

// batchesOutcome is what a batchable step returned.
type batchesOutcome struct {
	Type               string          `json:"type"`
	WorkerTemplateName string          `json:"worker_template_name"`
	WorkerCount        *int64          `json:"worker_count"`
	CursorConfigs      []cursorConfig  `json:"cursor_configs"`
	TotalItems         json.RawMessage `json:"total_items"`
}

// cursorConfig is one batch. Its cursors are the handlers' own.
type cursorConfig struct {
	BatchID     string          `json:"batch_id"`
	StartCursor json.RawMessage `json:"start_cursor"`
	EndCursor   json.RawMessage `json:"end_cursor"`
	BatchSize   int64           `json:"batch_size"`
}

// outcomeUnder decodes what a result holds under key. What is to be there is told by the error where it is not.
func outcomeUnder(result json.RawMessage, key, expected string, v any) error {
	var fields map[string]json.RawMessage
	raw := json.RawMessage(nil)
	if json.Unmarshal(result, &fields) == nil {
		raw = fields[key]
	}
	if raw == nil || string(raw) == "null" {
		return fmt.Errorf("its result has no %s; return %s", key, expected)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("its %s is malformed: %w", key, err)
	}
	return nil
}

func decodeDecision(result json.RawMessage) (o decisionOutcome, err error) {
	if err := outcomeUnder(result, decisionKey, `{"type": "no_branches"} or {"type": "create_steps", "step_names": [...]}`, &o); err != nil {
		return o, err
	}
	switch {
	case o.Type != "no_branches" && o.Type != "create_steps":
		return o, fmt.Errorf("its %s has the type %q; it is no_branches or create_steps", decisionKey, o.Type)
	case o.Type == "create_steps" && len(o.StepNames) == 0:
		return o, fmt.Errorf("it chose create_steps and names no step; to create none, return no_branches")
	case o.Type == "no_branches" && len(o.StepNames) > 0:
		return o, fmt.Errorf("it chose no_branches and names the steps %q", o.StepNames)
	}
	return o, nil
}

func decodeBatches(result json.RawMessage) (o batchesOutcome, err error) {
	if err := outcomeUnder(result, batchesKey, `{"type": "no_batches"} or {"type": "create_batches", ...}`, &o); err != nil {
		return o, err
	}
	switch {
	case o.Type == "no_batches":
		return o, nil
	case o.Type != "create_batches":
		return o, fmt.Errorf("its %s has the type %q; it is no_batches or create_batches", batchesKey, o.Type)
	case o.WorkerTemplateName == "":
		return o, fmt.Errorf("its %s names no worker_template_name", batchesKey)
	case len(o.CursorConfigs) == 0:
		return o, fmt.Errorf("it chose create_batches and has no cursor_configs; to create none, return no_batches")
	case len(o.CursorConfigs) > MaxBatches:
		return o, fmt.Errorf("it asks for %d batches; %d are allowed", len(o.CursorConfigs), MaxBatches)
	case o.WorkerCount != nil && *o.WorkerCount != int64(len(o.CursorConfigs)):
		return o, fmt.Errorf("its worker_count is %d, but it has %d cursor_configs", *o.WorkerCount, len(o.CursorConfigs))
	}
	seen := make(map[string]bool, len(o.CursorConfigs))
	for i := range o.CursorConfigs {
		switch c := &o.CursorConfigs[i]; {
		case c.BatchID == "":
			return o, fmt.Errorf("cursor_configs[%d] has no batch_id", i)
		case seen[c.BatchID]:
			return o, fmt.Errorf("two batches have the batch_id %q", c.BatchID)
		case c.StartCursor == nil || c.EndCursor == nil:
			return o, fmt.Errorf("batch %q lacks its start_cursor or end_cursor", c.BatchID)
		case c.BatchSize < 0:
			return o, fmt.Errorf("batch %q has the batch_size %d", c.BatchID, c.BatchSize)
		default:
			seen[c.BatchID] = true
		}
	}
	return o, nil
}

// NoOutcome is what a step that decides or splits is taken to have returned when somebody ends it without a result: it chooses
// nothing, and there is nothing to split.
func (k StepKind) NoOutcome() json.RawMessage {
	if k == DecisionStep {
		return json.RawMessage(`{"decision_point_outcome":{"type":"no_branches"}}`)
	}
	return json.RawMessage(`{"batch_processing_outcome":{"type":"no_batches"}}`)
}
