package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"golang.org/x/term"
)

// LevelTrace is below debug: single statements and messages.
const LevelTrace = slog.LevelDebug - 4

var levels = map[string]slog.Level{
	"trace": LevelTrace, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// NewLogger writes log lines to w. level is the least severe one to write: trace, debug, info, warn or error. format is text,
// for people, or json; auto, or none, is text on a terminal and JSON elsewhere. Other words are errors.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	least, ok := levels[level]
	if !ok {
		return nil, fmt.Errorf("log level %q is not trace, debug, info, warn or error", level)
	}
	if !slices.Contains([]string{"", "auto", "text", "json"}, format) {
		return nil, fmt.Errorf("log format %q is not auto, text or json", format)
	}
	if format == "text" || format != "json" && IsTerminal(w) {
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: least, ReplaceAttr: shortTime})), nil
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least, ReplaceAttr: readable})), nil
}

// shortTime leaves the date out: a person who reads along knows it.
func shortTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.String(a.Key, a.Value.Time().Format("15:04:05.000"))
	}
	return readable(groups, a)
}

// readable names the trace level and writes durations as text, where slog has DEBUG-4 and counts nanoseconds.
func readable(groups []string, a slog.Attr) slog.Attr {
	if level, ok := a.Value.Any().(slog.Level); ok && len(groups) == 0 && a.Key == slog.LevelKey && level == LevelTrace {
		return slog.String(a.Key, "TRACE")
	}
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}

// IsTerminal says whether what is written to w shows on a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
