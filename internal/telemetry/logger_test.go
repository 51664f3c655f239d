package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/telemetry"
)

func TestWhatIsNotATerminalGetsOneJSONObjectALine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger, err := telemetry.NewLogger(&out, "trace", "auto")
	require.NoError(t, err)
	logger.Log(context.Background(), telemetry.LevelTrace, "claimed", "took", 1500*time.Millisecond)
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, "TRACE", line["level"])
	require.Equal(t, "claimed", line["msg"])
	require.Equal(t, "1.5s", line["took"])
	require.NotEmpty(t, line["time"])
}

func TestTextLinesAreForPeople(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger, err := telemetry.NewLogger(&out, "info", "text")
	require.NoError(t, err)
	logger.Debug("too quiet to be heard")
	logger.Warn("the database is away", "for", 2*time.Second)
	require.Regexp(t, `^time=\d\d:\d\d:\d\d\.\d\d\d level=WARN msg="the database is away" for=2s\n$`, out.String())
}

func TestTheLevelDecidesWhatIsWritten(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]slog.Level{
		"trace": telemetry.LevelTrace, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		logger, err := telemetry.NewLogger(io.Discard, name, "json")
		require.NoError(t, err)
		require.True(t, logger.Enabled(t.Context(), least), name)
		require.False(t, logger.Enabled(t.Context(), least-1), name)
	}
}

func TestUnknownLevelsAndFormatsAreRefused(t *testing.T) {
	t.Parallel()
	_, err := telemetry.NewLogger(io.Discard, "loud", "auto")
	require.EqualError(t, err, `log level "loud" is not trace, debug, info, warn or error`)
	_, err = telemetry.NewLogger(io.Discard, "info", "xml")
	require.EqualError(t, err, `log format "xml" is not auto, text or json`)
}

func TestAFileIsNoTerminal(t *testing.T) {
	t.Parallel()
	f, err := os.CreateTemp(t.TempDir(), "log")
	require.NoError(t, err)
	defer f.Close()
	require.False(t, telemetry.IsTerminal(f))
	require.False(t, telemetry.IsTerminal(io.Discard))
}
