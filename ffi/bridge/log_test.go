package bridge_test

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

func (h *host) logs(limit int32) []bridge.Frame {
	h.t.Helper()
	var b []byte
	r := h.LogPoll(limit, false, func(n int) []byte { b = make([]byte, n); return b })
	if r.Code == bridge.Timeout {
		return nil
	}
	require.Equal(h.t, bridge.OK, r.Code)
	frames, err := bridge.ReadFrames(b)
	require.NoError(h.t, err)
	return frames
}

func record(t *testing.T, f bridge.Frame) map[string]any {
	t.Helper()
	var r map[string]any
	require.NoError(t, json.Unmarshal(f.Payload, &r))
	return r
}

func TestLogRecordsAreTakenAsFrames(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	fd, r := h.LogFD()
	h.ok(r)
	require.False(t, testkit.Readable(t, fd, 0))
	h.Logger().With("worker", "w").WithGroup("step").Warn("a <warning>", "name", "s", "took", time.Second)
	h.Logger().Debug("below the level")
	require.True(t, testkit.Readable(t, fd, 0))
	frames := h.logs(8)
	require.Len(t, frames, 1)
	require.Equal(t, bridge.FrameLog, frames[0].Type)
	require.EqualValues(t, bridge.LogWarn, frames[0].Status)
	require.Contains(t, string(frames[0].Payload), "a <warning>")
	got := record(t, frames[0])
	require.Equal(t, "warn", got["level"])
	require.Equal(t, "w", got["worker"])
	require.Equal(t, "s", got["step"].(map[string]any)["name"])
	require.NotEmpty(t, got["timestamp"])
	require.Empty(t, h.logs(8))
	require.False(t, testkit.Readable(t, fd, 0))

	h.SetLogLevel("trace")
	h.Logger().Log(t.Context(), slog.Level(-8), "fine")
	require.Equal(t, "trace", record(t, h.logs(8)[0])["level"])
}

func TestAFullRingDropsTheOldestAndSaysSo(t *testing.T) {
	t.Parallel()
	h := &host{bridge.New(bridge.Options{LogRecords: 3}), t}
	for i := range 5 {
		h.Logger().Info("m", "i", i)
	}
	frames := h.logs(2)
	require.Len(t, frames, 3)
	require.Equal(t, bridge.FrameDropped, frames[0].Type)
	require.JSONEq(t, `{"what":"log","count":2}`, string(frames[0].Payload))
	require.EqualValues(t, 2, record(t, frames[1])["i"])
	frames = h.logs(8)
	require.Len(t, frames, 1)
	require.EqualValues(t, 4, record(t, frames[0])["i"])
}

func TestTheHostWritesIntoTheSameRing(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.ok(h.LogWrite(3, []byte(`{"message":"from the host","n":9007199254740993}`)))
	h.ok(h.LogWrite(1, []byte(` "plain" `)))
	h.ok(h.LogWrite(5, []byte(`"below the level"`)))
	h.fails(bridge.EInvalid, h.LogWrite(0, []byte(`{}`)))
	h.fails(bridge.EInvalid, h.LogWrite(6, []byte(`{}`)))
	h.fails(bridge.EInvalid, h.LogWrite(3, []byte(`[1]`)))
	h.fails(bridge.EEncoding, h.LogWrite(3, nil))
	frames := h.logs(8)
	require.Len(t, frames, 2)
	require.Contains(t, string(frames[0].Payload), "9007199254740993")
	require.Equal(t, "host", record(t, frames[0])["origin"])
	require.Equal(t, "plain", record(t, frames[1])["message"])
	require.EqualValues(t, bridge.LogError, frames[1].Status)
}

func TestAStreamHandsOutRecordsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	s := h.NewLogStream()
	h.Logger().Info("one")
	r, ok := s.Next()
	require.True(t, ok)
	require.Equal(t, bridge.LogInfo, r.Level)
	next := make(chan bool)
	go func() {
		_, ok := s.Next()
		next <- ok
	}()
	s.Stop()
	s.Stop()
	require.False(t, <-next)
	_, ok = s.Next()
	require.False(t, ok)
	h.Logger().Info("two")
	require.Len(t, h.logs(8), 1, "what comes later is in the ring")
}

func TestWaitingForTheLog(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	r := h.LogPoll(8, true, memory)
	require.Equal(t, bridge.Timeout, r.Code)
	h.Logger().Info("now")
	require.True(t, testkit.Readable(t, r.Wait.FD, patience))
	require.Equal(t, bridge.OK, h.PollAgain(r.Wait.ID, false, 8, 0, memory).Code)
}
