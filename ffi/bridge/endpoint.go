package bridge

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/tasker-systems/tasker-go/dispatch"
)

// endpoint is what workers and clients have in common: frames for the host, and calls.
type endpoint struct {
	lib    *Library
	caller Caller
	// steps is nil for clients, and for workers that were not started.
	steps atomic.Pointer[dispatch.FfiDispatchChannel]
	ready *signal
	woken atomic.Bool

	ctx   context.Context // done when the handle is freed
	abort context.CancelFunc

	mu     sync.Mutex
	frames []Frame           // responses and notices, as many as calls are under way
	events eventBuffer       // domain events
	calls  map[uint64]func() // cancels each
	ending bool              // no further call, and closed once the rest is taken
	freed  bool
}

func newEndpoint(l *Library) *endpoint {
	e := &endpoint{lib: l, ready: l.newSignal(), calls: map[uint64]func(){}}
	e.ctx, e.abort = context.WithCancel(context.Background())
	return e
}

func (e *endpoint) bell() *signal { return e.ready }

func (e *endpoint) watch() *dispatch.Answer {
	if steps := e.steps.Load(); steps != nil {
		return steps.Watch()
	}
	return nil
}

func (e *endpoint) ring() {
	if e.hasReady() {
		e.ready.raise()
	}
}

// push adds a frame for the host.
func (e *endpoint) push(f Frame) {
	e.mu.Lock()
	e.frames = append(e.frames, f)
	e.mu.Unlock()
	e.ready.raise()
}

// scratch is what a poll gathers in, or what a batch of results is read into.
type scratch struct {
	frames     []Frame
	deliveries []dispatch.FfiDelivery
	endings    []dispatch.FfiEnding
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

func (s *scratch) release() {
	clear(s.frames)
	clear(s.deliveries)
	clear(s.endings)
	s.frames, s.deliveries, s.endings = s.frames[:0], s.deliveries[:0], s.endings[:0]
	scratches.Put(s)
}

func (e *endpoint) take(limit, maxBytes int, waits bool, alloc Alloc) (code Code, final bool) {
	s := scratches.Get().(*scratch)
	defer s.release()
	for {
		if e.isFreed() {
			return Closed, true
		}
		e.gather(s, limit, maxBytes)
		if len(s.frames) > 0 {
			break
		}
		if e.finished() {
			e.ready.finish()
			return Closed, true
		}
		if waits && e.woken.Swap(false) {
			return Timeout, true
		}
		e.ready.lower(func() bool { return e.hasReady() || e.finished() || e.woken.Load() && e.ready.waiting() })
		if !e.hasReady() {
			return Timeout, e.finished()
		}
	}
	b := alloc(FramesSize(s.frames))
	if b == nil {
		e.giveBack(s)
		return ENoMem, true
	}
	PutFrames(b, s.frames)
	return OK, true
}

// gather takes what there is: notices first, then steps, then domain events.
func (e *endpoint) gather(s *scratch, limit, maxBytes int) {
	e.mu.Lock()
	for len(e.frames) > 0 && len(s.frames) < limit && (len(s.frames) == 0 || len(e.frames[0].Payload) <= maxBytes) {
		maxBytes -= len(e.frames[0].Payload)
		s.frames = append(s.frames, e.frames[0])
		e.frames[0] = Frame{}
		e.frames = e.frames[1:]
	}
	e.mu.Unlock()
	if steps := e.steps.Load(); steps != nil && len(s.frames) < limit && (maxBytes > 0 || len(s.frames) == 0) {
		s.deliveries = steps.Poll(s.deliveries, limit-len(s.frames), max(maxBytes, 0))
		for i := range s.deliveries {
			f := deliveryFrame(&s.deliveries[i])
			maxBytes -= len(f.Payload)
			s.frames = append(s.frames, f)
		}
	}
	e.mu.Lock()
	s.frames = e.events.take(s.frames, limit, maxBytes)
	e.mu.Unlock()
}

func deliveryFrame(d *dispatch.FfiDelivery) Frame {
	f := Frame{Type: FrameStep, Number: d.Event.Tag, ID: d.Event.EventID, Payload: d.Payload}
	if d.Cancelled != "" {
		f.Type = FrameCancel
		f.Payload = encode(map[string]any{"reason": d.Cancelled, "event_id": d.Event.EventID})
	}
	return f
}

// giveBack takes back what the host had no memory for.
func (e *endpoint) giveBack(s *scratch) {
	steps := e.steps.Load()
	var notices []Frame
	for _, f := range s.frames {
		if f.Type != FrameStep && f.Type != FrameDomainEvent {
			notices = append(notices, f)
		}
	}
	for _, d := range s.deliveries {
		if d.Cancelled == "" {
			_ = steps.Release(d.Event) // if it is stale or there is no room, its time will end it
		}
	}
	e.mu.Lock()
	e.frames = append(notices, e.frames...)
	e.mu.Unlock()
	e.ready.raise()
}

func (e *endpoint) isFreed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.freed
}

func (e *endpoint) hasReady() bool {
	e.mu.Lock()
	has := len(e.frames) > 0 || e.events.len() > 0 || e.freed
	e.mu.Unlock()
	if has {
		return true
	}
	steps := e.steps.Load()
	return steps != nil && steps.HasReady()
}

// finished says that there will never be another frame.
func (e *endpoint) finished() bool {
	e.mu.Lock()
	over := e.freed || e.ending && len(e.frames) == 0 && e.events.len() == 0 && len(e.calls) == 0
	freed := e.freed
	e.mu.Unlock()
	if !over || freed {
		return over
	}
	steps := e.steps.Load()
	return steps == nil || steps.Finished()
}

// end takes no further call; the host is given what is left.
func (e *endpoint) end() {
	e.mu.Lock()
	e.ending = true
	e.mu.Unlock()
	e.ready.raise()
}

// free ends it at once.
func (e *endpoint) free() {
	e.mu.Lock()
	e.freed = true
	e.mu.Unlock()
	e.abort()
	e.ready.free()
}
