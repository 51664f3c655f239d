package bridge_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

// garbage turns bytes into arguments.
type garbage struct {
	b       []byte
	handles []uint64
	tokens  []uint64
}

func (g *garbage) byte() byte {
	if len(g.b) == 0 {
		return 0
	}
	c := g.b[0]
	g.b = g.b[1:]
	return c
}

func (g *garbage) number() uint64 {
	var n [8]byte
	g.b = g.b[copy(n[:], g.b):]
	return binary.LittleEndian.Uint64(n[:])
}

// of picks one of the numbers that exist, or makes one up.
func (g *garbage) of(known []uint64) uint64 {
	if c := int(g.byte()); c < 200 && len(known) > 0 {
		return known[c%len(known)]
	}
	return g.number()
}

var documents = []string{"", "{}", succeeded, `{"success":false,"error":{"message":"x"}}`, `{"cursor":1,"items_processed":1}`, `["a","b"]`, `{`, `null`, "\xff", `"x"`,
	`{"n":3}`, `{"settings":{"loopback.steps":2}}`, `{"up":false}`, `{"up":true}`}

func (g *garbage) document() []byte {
	if c := g.byte(); c < 220 {
		return []byte(documents[int(c)%len(documents)])
	}
	n := min(int(g.byte()), len(g.b))
	d := g.b[:n]
	g.b = g.b[n:]
	return d
}

var methods = []string{"test.echo", "test.publish", "test.database", "test.cancel", "test.counts", "test.event", "no.such", ""}

// FuzzLibrary calls every entry with handles and tokens that live, are dead or never were, and with documents of all
// kinds. Nothing may panic, hang or leave a handle behind.
func FuzzLibrary(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12"))
	f.Add([]byte{0, 11, 2, 0, 6, 0, 8, 0, 0, 2, 6, 0, 7, 0, 0, 0, 5, 0, 3, 0, 4, 0, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h := newHost(t)
		g := &garbage{b: b}
		for len(g.b) > 0 && len(b) < 1<<12 {
			r := h.any(g)
			require.LessOrEqual(t, r.Code, bridge.Pending)
			require.NotEqual(t, bridge.EPanic, r.Code, "%s", r.Document)
			if r.Wait.ID != 0 {
				h.WaitDone(r.Wait.ID)
			}
		}
		for _, handle := range g.handles {
			h.WorkerFree(handle)
			h.ClientFree(handle)
			require.Equal(t, bridge.EHandle, h.Wake(handle).Code)
		}
	})
}

func (h *host) any(g *garbage) (r bridge.Reply) {
	handle := g.of(g.handles)
	timeout := int32(g.byte() % 2)
	switch g.byte() % 20 {
	case 0, 1:
		if len(g.handles) < 4 {
			handle, r = h.WorkerNew(g.document(), nil, patienceMS)
			g.handles = append(g.handles, handle)
		}
	case 2:
		if len(g.handles) < 4 {
			handle, r = h.ClientNew(g.document(), nil, patienceMS)
			g.handles = append(g.handles, handle)
		}
	case 3:
		r = h.WorkerRegister(handle, g.document())
	case 4:
		r = h.WorkerStart(handle)
	case 5:
		r = h.WorkerStatus(handle)
	case 6:
		r = h.pollGarbage(g, handle, timeout == 1)
	case 7:
		r = h.Complete(handle, g.of(g.tokens), g.document(), timeout == 1)
	case 8:
		r = h.Checkpoint(handle, g.of(g.tokens), g.document(), timeout)
	case 9:
		r = h.Heartbeat(handle, g.of(g.tokens), g.document())
	case 10:
		r = h.Release(handle, g.of(g.tokens), g.document())
	case 11:
		r = h.Call(handle, methods[int(g.byte())%len(methods)], g.document(), timeout*100)
	case 12:
		r = h.CallAsync(handle, uint64(g.byte()), methods[int(g.byte())%len(methods)], g.document(), timeout*100)
	case 13:
		r = h.CallCancel(handle, uint64(g.byte()))
	case 14:
		r = h.Wake(handle)
	case 15:
		r = h.LogWrite(int32(g.byte())-1, g.document())
	case 16:
		r = h.LogPoll(int32(g.byte())-2, timeout == 1, memory)
	case 17:
		r = h.WorkerDrain(handle)
	case 18:
		r = h.WorkerStop(handle, timeout)
	case 19:
		h.WaitDone(g.number())
		r = h.WorkerFree(handle)
	}
	return r
}

// pollGarbage polls, at times without memory, and remembers the tokens it gets.
func (h *host) pollGarbage(g *garbage, handle uint64, waits bool) bridge.Reply {
	var b []byte
	r := h.Poll(handle, int32(g.byte())-2, uint32(g.byte()), waits, func(n int) []byte {
		if g.byte() != 7 {
			b = make([]byte, n)
		}
		return b
	})
	if r.Code != bridge.OK {
		return r
	}
	frames, err := bridge.ReadFrames(b)
	require.NoError(h.t, err)
	for _, f := range frames {
		g.tokens = append(g.tokens, f.Number)
	}
	return r
}
