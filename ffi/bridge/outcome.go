package bridge

import (
	"bytes"
	"encoding/json"
	"math"

	"github.com/tasker-systems/tasker-go/internal/payload"
)

// The keys of a result that mean something to the core.
const (
	decisionKey = "decision_point_outcome"
	batchKey    = "batch_processing_outcome"
)

// outcome is a part of each of them, which most results have not.
var outcome = []byte("_outcome")

// checkOutcomes holds what decision and batchable steps return within their result against the contract. A result that is
// no object, or has neither key, is free-form.
func checkOutcomes(result json.RawMessage) error {
	if result[0] != '{' || len(result) < len(decisionKey) || !bytes.Contains(result, outcome) {
		return nil
	}
	var r payload.Reader
	for r.Open(result, checked); r.Next(); {
		var err error
		switch string(r.Key) {
		case decisionKey:
			err = checkDecision("result."+decisionKey, r.Value())
		case batchKey:
			err = checkBatch("result."+batchKey, r.Value())
		}
		if err != nil {
			return err
		}
	}
	return r.Err()
}

func checkDecision(path string, raw json.RawMessage) error {
	var kind string
	var names []string
	given := false
	err := members(raw, path, func(at place, value json.RawMessage) error {
		switch string(at.key) {
		case "type":
			return toString(at, value, &kind)
		case "step_names":
			given = true
			return toStrings(at, value, &names)
		}
		return unknownKey(at, nil)
	})
	switch {
	case err != nil:
		return err
	case kind != "no_branches" && kind != "create_steps":
		return keyError(path+".type", "must be no_branches or create_steps")
	case kind == "create_steps" && len(names) == 0:
		return keyError(path+".step_names", "must name the steps to create")
	case kind == "no_branches" && given:
		return keyError(path+".step_names", "does not go with no_branches")
	}
	return nil
}

// batchOutcome is what a batchable step decided.
type batchOutcome struct {
	kind, worker string
	count, total int64
	cursors      int
	given        map[string]bool
}

func checkBatch(path string, raw json.RawMessage) error {
	o := batchOutcome{given: map[string]bool{}}
	if err := members(raw, path, o.member); err != nil {
		return err
	}
	switch o.kind {
	case "no_batches":
		for key := range o.given {
			if key != "type" {
				return keyError(path+"."+key, "does not go with no_batches")
			}
		}
		return nil
	case "create_batches":
		return o.check(path)
	}
	return keyError(path+".type", "must be no_batches or create_batches")
}

func (o *batchOutcome) member(at place, value json.RawMessage) error {
	o.given[string(at.key)] = true
	switch string(at.key) {
	case "type":
		return toString(at, value, &o.kind)
	case "worker_template_name":
		return toString(at, value, &o.worker)
	case "worker_count":
		return toCount(at, value, math.MaxUint32, &o.count)
	case "total_items":
		return toCount(at, value, math.MaxInt64, &o.total)
	case "cursor_configs":
		return items(value, at.String(), func(at place, value json.RawMessage) error {
			o.cursors++
			return checkCursor(at.String(), value)
		})
	}
	return unknownKey(at, nil)
}

func (o *batchOutcome) check(path string) error {
	if o.worker == "" {
		return keyError(path+".worker_template_name", "is required")
	}
	for _, key := range []string{"worker_count", "cursor_configs", "total_items"} {
		if !o.given[key] {
			return keyError(path+"."+key, "is required")
		}
	}
	if o.count != int64(o.cursors) {
		return keyError(path+".worker_count", "is %d, but there are %d cursor_configs", o.count, o.cursors)
	}
	return nil
}

// checkCursor takes any JSON for the cursors themselves: they are the handler's.
func checkCursor(path string, raw json.RawMessage) error {
	given := map[string]bool{}
	err := members(raw, path, func(at place, value json.RawMessage) error {
		given[string(at.key)] = true
		switch string(at.key) {
		case "batch_id":
			var id string
			return toString(at, value, &id)
		case "batch_size":
			var n int64
			return toCount(at, value, math.MaxUint32, &n)
		case "start_cursor", "end_cursor":
			return nil
		}
		return unknownKey(at, nil)
	})
	if err != nil {
		return err
	}
	for _, key := range []string{"batch_id", "start_cursor", "end_cursor", "batch_size"} {
		if !given[key] {
			return keyError(path+"."+key, "is required")
		}
	}
	return nil
}
