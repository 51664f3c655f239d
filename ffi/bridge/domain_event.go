package bridge

import (
	"encoding/json"

	"github.com/tasker-systems/tasker-go/sdk"
)

// DomainEvent is an event on its way to the host. Document is its JSON form.
type DomainEvent struct {
	ID       sdk.UUID
	Document json.RawMessage
}

// eventBuffer holds domain events that the host has not polled yet. When it is full the oldest is dropped and counted.
type eventBuffer struct {
	events  []DomainEvent
	dropped uint64
	total   uint64
}

const eventRoom = 1000

func (b *eventBuffer) add(e DomainEvent) {
	b.total++
	if len(b.events) == eventRoom {
		b.events[0] = DomainEvent{}
		b.events = b.events[1:]
		b.dropped++
	}
	b.events = append(b.events, e)
}

// len counts frames that there are.
func (b *eventBuffer) len() int {
	if b.dropped > 0 {
		return len(b.events) + 1
	}
	return len(b.events)
}

func (b *eventBuffer) take(frames []Frame, limit, maxBytes int) []Frame {
	if b.dropped > 0 && len(frames) < limit {
		frames = append(frames, droppedFrame("domain_event", b.dropped))
		b.dropped = 0
	}
	for len(b.events) > 0 && len(frames) < limit && (len(frames) == 0 || len(b.events[0].Document) <= maxBytes) {
		e := b.events[0]
		b.events[0] = DomainEvent{}
		b.events = b.events[1:]
		maxBytes -= len(e.Document)
		frames = append(frames, Frame{Type: FrameDomainEvent, ID: e.ID, Payload: e.Document})
	}
	return frames
}

func droppedFrame(what string, count uint64) Frame {
	return Frame{Type: FrameDropped, Payload: encode(map[string]any{"what": what, "count": count})}
}

// emit gives the host a domain event.
func (e *endpoint) emit(event DomainEvent) {
	e.mu.Lock()
	e.events.add(event)
	e.mu.Unlock()
	e.ready.raise()
}
