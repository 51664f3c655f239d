package event

import (
	"slices"
	"sync/atomic"
)

// Poller collects events of a [Bus] for someone who asks for them, such as a language binding. It keeps the newest ones up
// to the bus's queue size. It is safe for many goroutines; each event goes to one of them.
type Poller struct {
	bus      *Bus
	patterns []pattern
	queue    *queue
	dropped  atomic.Uint64
}

// Poll returns up to limit of the events that wait, oldest first, without waiting itself. It returns nil if there are none. A
// limit below 1 counts as 1.
func (p *Poller) Poll(limit int) []DomainEvent {
	var events []DomainEvent
	for {
		e, ok := p.queue.take()
		if !ok {
			return events
		}
		events = append(events, *e)
		if len(events) >= limit {
			return events
		}
	}
}

// Ready receives a value when there may be events to poll, so that a caller can wait for them.
func (p *Poller) Ready() <-chan struct{} { return p.queue.ready }

// Dropped counts the events that were lost because nobody polled in time.
func (p *Poller) Dropped() uint64 { return p.dropped.Load() }

// Close takes no more events; what waits can still be polled. It may be called more than once.
func (p *Poller) Close() { p.bus.removePoller(p) }

func (p *Poller) matches(name string) bool {
	return len(p.patterns) == 0 || slices.ContainsFunc(p.patterns, func(one pattern) bool { return one.matches(name) })
}
