package bridge

import (
	"encoding/json"
	"math"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// decodeCheckpoint reads how far a step got, strictly. It keeps parts of raw.
func decodeCheckpoint(raw []byte, step sdk.UUID, limits payload.Limits) (c dispatch.Checkpoint, err error) {
	counted, named := false, step
	err = document(raw, limits, func(at place, value json.RawMessage) error {
		switch string(at.key) {
		case "schema_version":
			return checkVersion(at, value)
		case "step_uuid":
			return toUUID(at, value, &named)
		case "cursor":
			c.Cursor = value
			return nil
		case "items_processed":
			counted = true
			return toCount(at, value, math.MaxInt64, &c.ItemsProcessed)
		case "accumulated_results":
			if !isNull(value) {
				c.AccumulatedResults = value
			}
			return nil
		}
		return unknownKey(at, nil)
	})
	switch {
	case err != nil:
		return c, err
	case named != step:
		return c, keyError("step_uuid", "is another step's: this token is for %s", step)
	case c.Cursor == nil:
		return c, keyError("cursor", "is required")
	case !counted:
		return c, keyError("items_processed", "is required")
	}
	return c, nil
}
