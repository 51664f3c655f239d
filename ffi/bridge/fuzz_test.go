package bridge

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/payload"
)

// seed adds the documents of the contract, and some that are none.
func seed(f *testing.F) {
	files, err := filepath.Glob("../../include/contract/*.json")
	require.NoError(f, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		var fx fixture
		if json.Unmarshal(raw, &fx) != nil {
			continue
		}
		for _, a := range fx.Accept {
			f.Add([]byte(a.Document))
		}
		for _, r := range fx.Refuse {
			f.Add(r.bytes())
		}
	}
	for _, s := range []string{`{`, `{}`, `[]`, `"`, `{"success":true,"result":{"decision_point_outcome":null}}`, "{\"success\":true}\x00", `{"a":{"b":[{"c":"\""}]}}`} {
		f.Add([]byte(s))
	}
}

// FuzzDecodeResult holds the strict decoder against encoding/json: what it accepts, that decodes to the same.
func FuzzDecodeResult(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		r, err := decodeResult(raw, contractStep, payload.Limits{MaxBytes: 1 << 12})
		require.Equal(t, before, raw, "input is only read")
		if err != nil {
			e := toError(err)
			require.Less(t, e.Code, OK)
			require.True(t, json.Valid(e.Document()))
			return
		}
		var loose struct {
			Success bool
			Status  string
			Result  json.RawMessage
			Error   *struct{ Message string }
		}
		require.NoError(t, json.Unmarshal(raw, &loose))
		require.Equal(t, loose.Success, r.Success)
		if loose.Result != nil && string(loose.Result) != "null" {
			require.Equal(t, string(loose.Result), string(r.Result))
		}
		if loose.Error != nil {
			require.Equal(t, loose.Error.Message, r.Error.Message)
		}
		encoded, err := json.Marshal(r)
		require.NoError(t, err)
		require.NoError(t, payload.Check(encoded, payload.Limits{MaxBytes: payload.HardMaxBytes, MaxDepth: payload.HardMaxDepth, MaxKeys: 1 << 20}), "what was accepted can be stored")
	})
}

func FuzzDecodeCheckpoint(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := decodeCheckpoint(raw, contractStep, payload.Limits{MaxBytes: 1 << 12})
		if err == nil {
			require.True(t, json.Valid(c.Cursor))
			require.GreaterOrEqual(t, c.ItemsProcessed, int64(0))
		}
	})
}

func FuzzDecodeConfig(f *testing.F) {
	seed(f)
	f.Add([]byte(`{"settings":{"a":[1,"b"]},"handlers":["x"]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := decodeConfig(raw); err != nil {
			require.True(t, json.Valid(toError(err).Document()))
		}
		_, _ = decodeHandlers(raw)
	})
}
