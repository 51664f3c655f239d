package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

// hostTest is a channel with a store that takes results when it is told to.
type hostTest struct {
	*FfiDispatchChannel
	t     *testing.T
	slots *Slots

	mu       sync.Mutex
	accepted []*Completion
	gate     chan struct{} // nil: the sink takes at once
	payload  func(*FfiStepEvent) ([]byte, error)
	cold     bool // nothing is in memory
	saved    []Checkpoint
	save     func(context.Context) error
	gone     []*FfiStepEvent
	ready    atomic.Int32
	next     int32
}

func newHostTest(t *testing.T, slots int, cfg FfiConfig) *hostTest {
	h := &hostTest{t: t, slots: NewSlots(slots)}
	cfg.OnGone = func(e *FfiStepEvent, _ FfiEnd) { h.mu.Lock(); h.gone = append(h.gone, e); h.mu.Unlock() }
	cfg.OnReady = func() { h.ready.Add(1) }
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if cfg.Checkpoints == nil {
		cfg.Checkpoints = h
	}
	h.FfiDispatchChannel = NewFfiDispatchChannel(h, h.slots, h, cfg)
	return h
}

func (h *hostTest) StepEvent(ctx context.Context, e *FfiStepEvent) ([]byte, error) {
	if h.cold && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if h.payload != nil {
		return h.payload(e)
	}
	return fmt.Appendf(nil, `{"attempt":%d,"checkpoint":%q}`, e.Message.Key.Attempt, e.Checkpoint), nil
}

func (h *hostTest) SaveCheckpoint(ctx context.Context, _ StepKey, c Checkpoint) (json.RawMessage, error) {
	if h.save != nil {
		if err := h.save(ctx); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.saved = append(h.saved, c)
	return json.RawMessage(c.Cursor), nil
}

// Send is the completion channel: it takes a result, and gives the slot's second part as the store accepts it.
func (h *hostTest) Send(c *Completion) {
	h.mu.Lock()
	gate := h.gate
	h.mu.Unlock()
	if gate != nil {
		<-gate
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accept(c)
}

// TrySend takes results unless Send would make them wait.
func (h *hostTest) TrySend(batch []*Completion) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gate != nil {
		return 0
	}
	for _, c := range batch {
		h.accept(c)
	}
	return len(batch)
}

func (*hostTest) Watch(*FfiDispatchChannel) *Answer { return nil }

func (h *hostTest) accept(c *Completion) {
	h.accepted = append(h.accepted, c)
	if c.Message.slot.give() {
		h.slots.Release(1)
	}
}

func (h *hostTest) closeGate() chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gate = make(chan struct{})
	return h.gate
}

func (h *hostTest) ends() []*Completion {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.accepted)
}

func (h *hostTest) message(timeout time.Duration) *DispatchHandlerMessage {
	h.next++
	key := StepKey{TaskUUID: sdk.NewUUID(), StepNo: 0, Attempt: h.next}
	return &DispatchHandlerMessage{Key: key, Handler: "h", Timeout: timeout,
		Step: sdk.NewStepContext(sdk.StepData{TaskUUID: key.TaskUUID, Attempt: 1, MaxAttempts: 3})}
}

// dispatch takes a slot and dispatches a step.
func (h *hostTest) dispatch(timeout time.Duration) *DispatchHandlerMessage {
	h.t.Helper()
	require.Equal(h.t, 1, h.slots.TryAcquire(1), "a free slot")
	m := h.message(timeout)
	h.Dispatch(h.t.Context(), m)
	return m
}

func (h *hostTest) poll(limit int) []FfiDelivery {
	synctest.Wait()
	return h.Poll(nil, limit, 1<<20)
}

// held dispatches a step and polls it.
func (h *hostTest) held(timeout time.Duration) *FfiStepEvent {
	h.t.Helper()
	m := h.dispatch(timeout)
	got := h.poll(1)
	require.Len(h.t, got, 1)
	require.Same(h.t, m, got[0].Event.Message)
	require.Empty(h.t, got[0].Cancelled)
	return got[0].Event
}

func (h *hostTest) stop() {
	h.t.Helper()
	require.NoError(h.t, h.Stop(h.t.Context(), time.Second))
}

func success() *sdk.StepExecutionResult {
	return &sdk.StepExecutionResult{Success: true, Status: sdk.StatusCompleted, Result: json.RawMessage(`{}`)}
}

func requireStale(t *testing.T, want FfiEnd, err error) {
	t.Helper()
	var stale *FfiStaleError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, want, stale.End)
	require.NotEmpty(t, stale.Error())
}
