package event

import (
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// Stats are all counters of a [DomainEventSystem].
type Stats struct {
	Router       RouterStats `json:"router"`
	InProcessBus BusStats    `json:"in_process_bus"`
	System       SystemStats `json:"system"`
}

// SystemStats counts events. Each dispatched one ends up published, forwarded, failed, skipped, or dropped by a Stop that ran out of
// time.
type SystemStats struct {
	// EventsDispatched were accepted by Dispatch.
	EventsDispatched uint64 `json:"events_dispatched"`
	Published        uint64 `json:"published"`
	Failed           uint64 `json:"failed"`
	// Skipped were called off by their publisher, or did not meet their schema. Upstream does not count them.
	Skipped uint64 `json:"skipped"`
	// Forwarded went to a [Forwarder], which counts for itself what becomes of them. Upstream has none.
	Forwarded uint64 `json:"forwarded"`
	// Dropped were refused by Dispatch, or given up by Stop.
	Dropped uint64 `json:"dropped"`
	// Durable, Fast and Broadcast split Published by delivery mode.
	Durable         uint64 `json:"durable"`
	Fast            uint64 `json:"fast"`
	Broadcast       uint64 `json:"broadcast"`
	ChannelDepth    int    `json:"channel_depth"` // steps that wait
	ChannelCapacity int    `json:"channel_capacity"`
}

type systemCounters struct {
	dispatched, failed, skipped, forwarded, dropped, durable, fast, broadcast atomic.Uint64
	settled                                                                   atomic.Uint64 // dispatched events whose fate is known
}

func (c *systemCounters) pending() uint64 { return c.dispatched.Load() - c.settled.Load() }

func (c *systemCounters) publishedBy(mode template.DeliveryMode) {
	switch mode {
	case template.DeliverFast:
		c.fast.Add(1)
	case template.DeliverBroadcast:
		c.broadcast.Add(1)
	default:
		c.durable.Add(1)
	}
}

// Stats reads the counters, without stopping those who write them.
func (s *DomainEventSystem) Stats() Stats {
	c := &s.counters
	system := SystemStats{
		EventsDispatched: c.dispatched.Load(), Failed: c.failed.Load(), Skipped: c.skipped.Load(), Forwarded: c.forwarded.Load(), Dropped: c.dropped.Load(),
		Durable: c.durable.Load(), Fast: c.fast.Load(), Broadcast: c.broadcast.Load(),
		ChannelDepth: len(s.commands), ChannelCapacity: cap(s.commands),
	}
	system.Published = system.Durable + system.Fast + system.Broadcast
	return Stats{Router: s.router.Stats(), InProcessBus: s.bus.Stats(), System: system}
}

// throttle lets one through a second.
type throttle struct{ last atomic.Int64 }

func (t *throttle) allow(now time.Time) bool {
	last, at := t.last.Load(), now.UnixNano()
	if since := at - last; last != 0 && since >= 0 && since < int64(time.Second) {
		return false
	}
	return t.last.CompareAndSwap(last, at)
}
