package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
)

// LogLevel is the level of a record, as the C interface counts.
type LogLevel int32

// The levels of log records.
const (
	LogError LogLevel = 1
	LogWarn  LogLevel = 2
	LogInfo  LogLevel = 3
	LogDebug LogLevel = 4
	LogTrace LogLevel = 5
)

var levelNames = map[LogLevel]string{LogError: "error", LogWarn: "warn", LogInfo: "info", LogDebug: "debug", LogTrace: "trace"}

func levelOf(l slog.Level) LogLevel {
	switch {
	case l >= slog.LevelError:
		return LogError
	case l >= slog.LevelWarn:
		return LogWarn
	case l >= slog.LevelInfo:
		return LogInfo
	case l >= slog.LevelDebug:
		return LogDebug
	}
	return LogTrace
}

// LogRecord is one record of the log; JSON holds timestamp, level, message and fields.
type LogRecord struct {
	Level LogLevel
	JSON  []byte
}

// logRing keeps the latest records until the host takes them. It never makes a writer wait: the oldest are dropped.
type logRing struct {
	room   int
	signal *signal

	mu      sync.Mutex
	records []LogRecord
	total   uint64
	dropped uint64 // in all
	unsaid  uint64 // of these, not told to the host
	level   LogLevel
	more    chan struct{} // closed when a record comes
}

func newLogRing(room int, s *signal) *logRing {
	return &logRing{room: room, signal: s, level: LogInfo, more: make(chan struct{})}
}

func (r *logRing) add(level LogLevel, json []byte) {
	r.mu.Lock()
	if len(r.records) == r.room {
		r.records[0] = LogRecord{}
		r.records = r.records[1:]
		r.dropped++
		r.unsaid++
	}
	r.records = append(r.records, LogRecord{level, json})
	r.total++
	close(r.more)
	r.more = make(chan struct{})
	r.mu.Unlock()
	r.signal.raise()
}

func (r *logRing) bell() *signal { return r.signal }

func (r *logRing) watch() *dispatch.Answer { return nil }

func (r *logRing) ring() {}

func (r *logRing) take(limit, _ int, _ bool, alloc Alloc) (code Code, final bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var frames []Frame
	if r.unsaid > 0 {
		frames = append(frames, droppedFrame("log", r.unsaid))
	}
	n := min(limit, len(r.records))
	for _, record := range r.records[:n] {
		frames = append(frames, Frame{Type: FrameLog, Status: int32(record.Level), Payload: record.JSON})
	}
	if len(frames) == 0 {
		r.signal.lower(func() bool { return false }) // nobody adds while mu is held
		return Timeout, false
	}
	b := alloc(FramesSize(frames))
	if b == nil {
		return ENoMem, true
	}
	PutFrames(b, frames)
	clear(r.records[:n])
	r.records, r.unsaid = r.records[n:], 0
	return OK, true
}

// next waits for the next record, for the log callback.
func (r *logRing) next(stop <-chan struct{}) (LogRecord, bool) {
	for {
		r.mu.Lock()
		if len(r.records) > 0 {
			record := r.records[0]
			r.records[0] = LogRecord{}
			r.records = r.records[1:]
			r.mu.Unlock()
			return record, true
		}
		more := r.more
		r.mu.Unlock()
		select {
		case <-more:
		case <-stop:
			return LogRecord{}, false
		}
	}
}

type logStatus struct {
	Waiting int    `json:"waiting"`
	Total   uint64 `json:"total"`
	Dropped uint64 `json:"dropped_total"`
}

func (r *logRing) status() logStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return logStatus{len(r.records), r.total, r.dropped}
}

func (r *logRing) handler() slog.Handler {
	return &ringHandler{ring: r, inner: func(w io.Writer) slog.Handler {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.Level(-8), ReplaceAttr: renameAttr})
	}}
}

// renameAttr gives the standard keys their names in records.
func renameAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		a.Key = "timestamp"
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		if l, ok := a.Value.Any().(slog.Level); ok {
			a.Value = slog.StringValue(levelNames[levelOf(l)])
		}
	}
	return a
}

// ringHandler is the core's logger.
type ringHandler struct {
	ring  *logRing
	inner func(io.Writer) slog.Handler
}

func (h *ringHandler) Enabled(_ context.Context, l slog.Level) bool { return h.ring.wants(levelOf(l)) }

func (h *ringHandler) Handle(ctx context.Context, r slog.Record) error {
	var b bytes.Buffer
	if err := h.inner(&b).Handle(ctx, r); err != nil {
		return err
	}
	h.ring.add(levelOf(r.Level), bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return nil
}

func (h *ringHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &ringHandler{h.ring, func(w io.Writer) slog.Handler { return h.inner(w).WithAttrs(attrs) }}
}

func (h *ringHandler) WithGroup(name string) slog.Handler {
	return &ringHandler{h.ring, func(w io.Writer) slog.Handler { return h.inner(w).WithGroup(name) }}
}

func (r *logRing) wants(l LogLevel) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return l <= r.level
}

// SetLogLevel drops records that are less severe; unknown names change nothing.
func (l *Library) SetLogLevel(name string) {
	for level, n := range levelNames {
		if n == strings.ToLower(name) {
			l.logs.mu.Lock()
			l.logs.level = level
			l.logs.mu.Unlock()
		}
	}
}

// LogPoll takes records as frames.
func (l *Library) LogPoll(limit int32, waits bool, alloc Alloc) Reply {
	return l.poll(l.logs, limit, 0, waits, alloc)
}

// LogFD is a descriptor that is readable while there are records.
func (l *Library) LogFD() (fd int, r Reply) {
	fd, err := l.logs.signal.descriptor()
	if err != nil {
		return -1, fail(err)
	}
	return fd, Reply{}
}

// LogWrite adds a record of the host.
func (l *Library) LogWrite(level int32, raw []byte) Reply {
	if _, ok := levelNames[LogLevel(level)]; !ok {
		return fail(Errorf(EInvalid, "no log level %d: they go from 1, error, to 5, trace", level).With("key", "level"))
	}
	if err := check(raw, payload.Limits{}); err != nil {
		return fail(err)
	}
	if !l.logs.wants(LogLevel(level)) {
		return Reply{}
	}
	record := map[string]json.RawMessage{
		"timestamp": encode(time.Now().Format(time.RFC3339Nano)), "level": encode(levelNames[LogLevel(level)]), "origin": encode("host"),
	}
	switch raw = bytes.TrimSpace(raw); raw[0] {
	case '"':
		record["message"] = bytes.Clone(raw)
	case '{':
		var r payload.Reader
		for r.Open(raw, checked); r.Next(); {
			record[string(r.Key)] = bytes.Clone(r.Value())
		}
	default:
		return fail(keyError("", "a record is an object or a string"))
	}
	l.logs.add(LogLevel(level), encode(record))
	return Reply{}
}

// LogStream hands out records one after the other, for the log callback.
type LogStream struct {
	ring *logRing
	stop chan struct{}
	once sync.Once
}

// NewLogStream begins to take records. Stop it with [LogStream.Stop].
func (l *Library) NewLogStream() *LogStream {
	return &LogStream{ring: l.logs, stop: make(chan struct{})}
}

// Next waits for a record; false means that the stream was stopped.
func (s *LogStream) Next() (LogRecord, bool) {
	select {
	case <-s.stop:
		return LogRecord{}, false
	default:
		return s.ring.next(s.stop)
	}
}

// Stop makes Next return.
func (s *LogStream) Stop() { s.once.Do(func() { close(s.stop) }) }
