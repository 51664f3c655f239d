package bridge_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

func TestACallIsAnsweredWithinItsDeadline(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for name, handle := range map[string]uint64{"worker": h.worker(""), "client": h.client()} {
		r := h.Call(handle, "test.echo", []byte(`{"big":9007199254740993,"s":"<&>"}`), -1)
		require.Equal(t, `{"big":9007199254740993,"s":"<&>"}`, string(r.Document), name)
		require.Equal(t, `{}`, string(h.Call(handle, "test.echo", nil, patienceMS).Document), "no parameters are an empty object")
		started := time.Now()
		h.fails(bridge.EDeadline, h.Call(handle, "test.sleep", []byte(`{"ms":60000}`), 20))
		h.fails(bridge.EDeadline, h.Call(handle, "test.hang", nil, 20))
		require.Less(t, time.Since(started), 30*time.Second)
		h.fails(bridge.EDeadline, h.Call(handle, "test.sleep", []byte(`{"ms":60000}`), 0))
		require.Equal(t, "no.such", h.fails(bridge.EUnsupported, h.Call(handle, "no.such", nil, patienceMS)).Details["method"])
		h.fails(bridge.EEncoding, h.Call(handle, "test.echo", []byte(`{"a":`), patienceMS))
		h.fails(bridge.EEncoding, h.Call(handle, "test.echo", []byte("\"\xff\""), patienceMS))
		h.fails(bridge.EPanic, h.Call(handle, "test.panic", []byte(`{"text":"x"}`), patienceMS))
	}
}

func (h *host) client() uint64 {
	c, r := h.ClientNew(nil, nil, patienceMS)
	h.ok(r)
	h.t.Cleanup(func() { h.ClientFree(c) })
	return c
}

func TestAnAsynchronousCallIsAnsweredByAFrame(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for name, handle := range map[string]uint64{"worker": h.worker(""), "client": h.client()} {
		require.Equal(t, bridge.Pending, h.CallAsync(handle, 42, "test.echo", []byte(`{"a":1}`), patienceMS).Code, name)
		f := h.frame(handle, bridge.FrameResponse)
		require.EqualValues(t, 42, f.Number)
		require.Zero(t, f.Status)
		require.JSONEq(t, `{"a":1}`, string(f.Payload))

		require.Equal(t, bridge.Pending, h.CallAsync(handle, 43, "no.such", nil, patienceMS).Code)
		f = h.frame(handle, bridge.FrameResponse)
		require.EqualValues(t, bridge.EUnsupported, f.Status)
		var e bridge.Error
		require.NoError(t, json.Unmarshal(f.Payload, &e))

		require.Equal(t, bridge.Pending, h.CallAsync(handle, 44, "test.panic", nil, patienceMS).Code)
		require.EqualValues(t, bridge.EPanic, h.frame(handle, bridge.FrameResponse).Status)

		require.Equal(t, bridge.Pending, h.CallAsync(handle, 45, "test.sleep", []byte(`{"ms":60000}`), -1).Code)
		h.fails(bridge.EConflict, h.CallAsync(handle, 45, "test.echo", nil, patienceMS))
		h.ok(h.CallCancel(handle, 45))
		f = h.frame(handle, bridge.FrameResponse)
		require.EqualValues(t, 45, f.Number)
		require.EqualValues(t, bridge.ECancelled, f.Status)
		h.fails(bridge.ENotFound, h.CallCancel(handle, 45))
		h.fails(bridge.EEncoding, h.CallAsync(handle, 46, "test.echo", []byte(`{`), patienceMS))
	}
}

func TestAnswersThatNobodyPollsBoundFurtherCalls(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c := h.client()
	var r bridge.Reply
	n := uint64(0)
	for ; n <= 1000; n++ {
		if r = h.CallAsync(c, n, "test.echo", nil, patienceMS); r.Code != bridge.Pending {
			break
		}
	}
	require.EqualValues(t, 1000, n)
	h.fails(bridge.EBusy, r)
	h.frame(c, bridge.FrameResponse)
	h.eventually(func() bool { return h.CallAsync(c, n, "test.echo", nil, patienceMS).Code == bridge.Pending }, "there is room again")
}

func TestFreeingAClientCancelsItsCalls(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, r := h.ClientNew(nil, nil, patienceMS)
	h.ok(r)
	answer := make(chan bridge.Reply)
	go func() { answer <- h.Call(c, "test.sleep", []byte(`{"ms":60000}`), -1) }()
	h.eventually(func() bool { return h.ClientFree(c).Code != bridge.OK }, "freed")
	code := (<-answer).Code
	require.Contains(t, []bridge.Code{bridge.ECancelled, bridge.EHandle}, code)
	h.fails(bridge.EHandle, h.ClientFree(c))
}

func TestAWorkerThatDrainsDeliversItsAnswersFirst(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started("")
	require.Equal(t, bridge.Pending, h.CallAsync(w, 1, "test.hang", nil, patienceMS).Code) // it is answered once the worker drains
	h.ok(h.WorkerDrain(w))
	var came []bridge.FrameType
	code, frames := h.poll(w, 1, patience)
	for ; code == bridge.OK; code, frames = h.poll(w, 1, patience) {
		came = append(came, frames[0].Type)
		require.Equal(t, frames[0].Type == bridge.FrameResponse, frames[0].Number == 1)
	}
	require.Equal(t, bridge.Closed, code)
	require.ElementsMatch(t, []bridge.FrameType{bridge.FrameShutdown, bridge.FrameResponse}, came, "in whatever order")
}

func TestDomainEventsComeAsFramesAndTheOldestAreDropped(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := h.started("")
	h.call(w, "test.event", `{"text":"first"}`)
	f := h.frame(w, bridge.FrameDomainEvent)
	require.JSONEq(t, `{"text":"first"}`, string(f.Payload))
	require.NotEqual(t, [16]byte{}, f.ID)
	for range 1010 {
		h.call(w, "test.event", `{"text":"x"}`)
	}
	code, frames := h.poll(w, 10_000, patience)
	require.Equal(t, bridge.OK, code)
	require.Equal(t, bridge.FrameDropped, frames[0].Type)
	require.JSONEq(t, `{"what":"domain_event","count":10}`, string(frames[0].Payload))
	require.Len(t, frames, 1001)
}
