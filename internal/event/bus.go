package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrBusClosed reports an event or a subscriber that came after the bus was closed.
var ErrBusClosed = errors.New("the in-process event bus is closed")

// BusConfig tunes a [Bus]; its zero value is ready to use.
type BusConfig struct {
	// QueueSize bounds the events that wait for one subscriber or poller. Beyond it the oldest are dropped. Defaults to 2000.
	QueueSize int
	// Logger defaults to [slog.Default].
	Logger *slog.Logger
}

// Bus delivers events within the process. Publishing never waits for a subscriber: each has a queue and a goroutine of its
// own, and a slow one loses its oldest events. It is safe for many goroutines.
type Bus struct {
	queueSize int
	log       *slog.Logger
	counters  busCounters
	closing   chan struct{} // closed with the bus

	mu            sync.RWMutex
	closed        bool
	subscriptions []*Subscription
	pollers       []*Poller
}

type busCounters struct {
	events, handled, failed, dropped, polled, pollDropped atomic.Uint64
}

// BusStats counts what went over a [Bus]. The names are upstream's, whose own subscribers are the rust ones and whose pollers
// are the ffi ones; the drops of subscribers are counted besides.
type BusStats struct {
	TotalEventsDispatched uint64 `json:"total_events_dispatched"`
	HandlerDispatches     uint64 `json:"rust_handler_dispatches"`
	HandlerErrors         uint64 `json:"rust_handler_errors"`
	HandlerDrops          uint64 `json:"rust_handler_drops"`
	FFIChannelDispatches  uint64 `json:"ffi_channel_dispatches"`
	FFIChannelDrops       uint64 `json:"ffi_channel_drops"`
	SubscriberPatterns    int    `json:"rust_subscriber_patterns"` // different ones
	HandlerCount          int    `json:"rust_handler_count"`
	FFISubscriberCount    int    `json:"ffi_subscriber_count"`
}

// NewBus returns a bus without subscribers.
func NewBus(cfg BusConfig) *Bus {
	if cfg.QueueSize <= 0 {
		cfg.QueueSize = 2000
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Bus{queueSize: cfg.QueueSize, log: cfg.Logger, closing: make(chan struct{})}
}

// Publish hands an event to all whose pattern matches its name. It never waits. The error is [ErrBusClosed].
func (b *Bus) Publish(e DomainEvent) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return ErrBusClosed
	}
	b.counters.events.Add(1)
	for _, s := range b.subscriptions {
		if s.pattern.matches(e.EventName) && s.queue.put(&e) {
			s.dropped.Add(1)
			b.counters.dropped.Add(1)
		}
	}
	for _, p := range b.pollers {
		if p.matches(e.EventName) {
			b.counters.polled.Add(1)
			if p.queue.put(&e) {
				p.dropped.Add(1)
				b.counters.pollDropped.Add(1)
			}
		}
	}
	return nil
}

// Subscribe calls fn with each event whose name matches the pattern: a whole name, order.* for all below order, or * for
// all. Events come one at a time, in order, on a goroutine of the subscription's own.
func (b *Bus) Subscribe(pattern string, fn SubscriberFunc) (*Subscription, error) {
	parsed, err := parsePattern(pattern)
	if err != nil {
		return nil, fmt.Errorf("subscribe to events: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrBusClosed
	}
	s := newSubscription(b, parsed, fn)
	b.subscriptions = append(b.subscriptions, s)
	go s.run()
	return s, nil
}

// NewPoller collects the events that match any of the patterns, for a language binding to poll. No pattern means all.
func (b *Bus) NewPoller(patterns ...string) (*Poller, error) {
	p := &Poller{bus: b, queue: newQueue(b.queueSize)}
	for _, s := range patterns {
		parsed, err := parsePattern(s)
		if err != nil {
			return nil, fmt.Errorf("poll for events: %w", err)
		}
		p.patterns = append(p.patterns, parsed)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrBusClosed
	}
	b.pollers = append(b.pollers, p)
	return p, nil
}

// Close takes no more events, and returns when subscribers have finished those that wait for them. If ctx is done first, it
// cancels their contexts and returns an error that says how many events were not finished. Pollers keep what they hold.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.closing)
	}
	subscriptions := slices.Clone(b.subscriptions)
	b.mu.Unlock()
	left := 0
	for _, s := range subscriptions {
		select {
		case <-s.done:
			continue
		default:
		}
		select {
		case <-s.done:
		case <-ctx.Done():
			s.cancel()
			left += s.unfinished()
		}
	}
	if left > 0 {
		return fmt.Errorf("close the in-process event bus: subscribers did not finish %d events: %w", left, context.Cause(ctx))
	}
	return nil
}

// Stats reads the counters.
func (b *Bus) Stats() BusStats {
	b.mu.RLock()
	defer b.mu.RUnlock()
	patterns := map[pattern]struct{}{}
	for _, s := range b.subscriptions {
		patterns[s.pattern] = struct{}{}
	}
	return BusStats{
		TotalEventsDispatched: b.counters.events.Load(),
		HandlerDispatches:     b.counters.handled.Load(),
		HandlerErrors:         b.counters.failed.Load(),
		HandlerDrops:          b.counters.dropped.Load(),
		FFIChannelDispatches:  b.counters.polled.Load(),
		FFIChannelDrops:       b.counters.pollDropped.Load(),
		SubscriberPatterns:    len(patterns),
		HandlerCount:          len(b.subscriptions),
		FFISubscriberCount:    len(b.pollers),
	}
}

func (b *Bus) removeSubscription(s *Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subscriptions = slices.DeleteFunc(b.subscriptions, func(other *Subscription) bool { return other == s })
}

func (b *Bus) removePoller(p *Poller) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pollers = slices.DeleteFunc(b.pollers, func(other *Poller) bool { return other == p })
}
