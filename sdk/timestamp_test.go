package sdk_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

func TestTimesAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)
	for _, text := range []string{
		"2026-01-31T12:00:00.123456Z", "2026-01-31T13:00:00.123456+01:00", "2026-01-31T12:00:00.123456", "2026-01-31 12:00:00.123456",
		"2026-01-31 12:00:00.123456 UTC",
	} {
		var at sdk.Timestamp
		require.NoError(t, json.Unmarshal([]byte(`"`+text+`"`), &at))
		require.Equal(t, want, at.Time, text)
	}
	var at sdk.Timestamp
	require.ErrorContains(t, json.Unmarshal([]byte(`"yesterday"`), &at), `"yesterday" is not like`)
	require.NoError(t, json.Unmarshal([]byte(`null`), &at))
	require.True(t, at.IsZero())
}

func TestTimesAreWrittenSoThatTheirTextsSortAsTheyDo(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 31, 13, 0, 0, 0, time.FixedZone("CET", 3600))
	var texts []string
	for _, after := range []time.Duration{0, time.Microsecond, 716 * time.Millisecond, 716971 * time.Microsecond, 720 * time.Millisecond, time.Second} {
		ended := sdk.StepExecutionMetadata{CompletedAt: sdk.Timestamp{Time: noon.Add(after)}}
		raw, err := json.Marshal(ended)
		require.NoError(t, err)
		var written struct {
			CompletedAt string `json:"completed_at"`
		}
		require.NoError(t, json.Unmarshal(raw, &written))
		texts = append(texts, written.CompletedAt)
		var back sdk.StepExecutionMetadata
		require.NoError(t, json.Unmarshal(raw, &back))
		require.Equal(t, sdk.At(noon.Add(after)), back.CompletedAt)
	}
	require.Equal(t, "2026-01-31T12:00:00.000000Z", texts[0])
	require.True(t, slices.IsSorted(texts), texts)
}
