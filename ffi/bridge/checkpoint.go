package bridge

import (
	"encoding/json"
	"math"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// decodeCheckpoint reads how far a step got, strictly. It keeps parts of raw.
func decodeCheckpoint(raw []byte, step sdk.UUID, limits payload.Limits) (c dispatch.FfiCheckpoint, err error) {
	if err := check(raw, limits); err != nil {
		return c, err
	}
	counted, named := false, step
	err = members(raw, "", func(key string, value json.RawMessage) error {
		switch key {
		case "schema_version":
			return checkVersion(value)
		case "step_uuid":
			return toUUID(key, value, &named)
		case "cursor":
			c.Cursor = value
			return nil
		case "items_processed":
			counted = true
			return toCount(key, value, math.MaxInt64, &c.ItemsProcessed)
		case "accumulated_results":
			if !isNull(value) {
				c.AccumulatedResults = value
			}
			return nil
		}
		return unknownKey("", key, nil)
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
