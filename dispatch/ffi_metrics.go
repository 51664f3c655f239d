package dispatch

import (
	"encoding/json"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// ffiCounts count since the channel was made.
type ffiCounts struct {
	Polled             uint64 `json:"polled_total"`
	Completed          uint64 `json:"completed_total"`
	Released           uint64 `json:"released_total"`
	Checkpoints        uint64 `json:"checkpoints_total"`
	TimedOut           uint64 `json:"timed_out_total"`
	Returned           uint64 `json:"returned_unpolled_total"`
	Abandoned          uint64 `json:"abandoned_total"`
	Late               uint64 `json:"late_completions_total"`
	Duplicate          uint64 `json:"duplicate_completions_total"`
	Busy               uint64 `json:"busy_total"`
	StarvationWarnings uint64 `json:"starvation_warnings_total"`
	Panics             uint64 `json:"panics_total"`
}

// FfiDispatchMetrics show the channel as it is now, and what it has done. Ages are in milliseconds; nil: there is none.
type FfiDispatchMetrics struct {
	// PendingCount are the steps that the host holds.
	PendingCount       int       `json:"pending_count"`
	OldestPendingAgeMS *int64    `json:"oldest_pending_age_ms"`
	NewestPendingAgeMS *int64    `json:"newest_pending_age_ms"`
	OldestEventID      *sdk.UUID `json:"oldest_event_id"`
	// WaitingCount are the steps that wait to be polled.
	WaitingCount       int    `json:"waiting_count"`
	OldestWaitingAgeMS *int64 `json:"oldest_waiting_age_ms"`
	// Starving steps wait longer than the threshold.
	StarvationDetected bool `json:"starvation_detected"`
	StarvingEventCount int  `json:"starving_event_count"`
	// LoadingCount are steps whose event is being made.
	LoadingCount int `json:"loading_count"`
	// QuarantinedCount are steps that the core ended and the host has not given back: each takes a slot. When they take
	// all, Exhausted says so: the host's handlers hang, and the process wants a restart.
	QuarantinedCount int  `json:"quarantined_count"`
	Exhausted        bool `json:"exhausted"`
	// UnsentCount are results that were taken over and wait for the store.
	UnsentCount int               `json:"unsent_count"`
	SlotsInUse  int               `json:"slots_in_use"`
	Slots       int               `json:"slots"`
	Draining    bool              `json:"draining"`
	Breaker     FfiBreakerMetrics `json:"circuit_breaker"`
	ffiCounts
	// Heartbeats are the details that handlers gave last, by event.
	Heartbeats map[string]json.RawMessage `json:"heartbeats,omitempty"`
}

// UnderWay is how many steps the host holds or is about to be given. Slots tell less: a claim takes all that are free.
func (c *FfiDispatchChannel) UnderWay() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held + len(c.waiting) + len(c.loading)
}

// Metrics looks at every step of the channel; it does not wait for anything.
func (c *FfiDispatchChannel) Metrics() FfiDispatchMetrics {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	m := FfiDispatchMetrics{
		UnsentCount: int(c.unsent.Load()), SlotsInUse: c.slots.InUse(), Slots: c.slots.Size(),
		Draining: c.draining, Breaker: c.breaker.snapshot(now), ffiCounts: c.counts,
	}
	for e := range c.events.all {
		age := now.Sub(e.since).Milliseconds()
		switch e.state {
		case ffiLoading:
			m.LoadingCount++
		case ffiWaiting:
			m.WaitingCount++
			m.OldestWaitingAgeMS = pick(m.OldestWaitingAgeMS, age, age > deref(m.OldestWaitingAgeMS))
			if now.Sub(e.since) >= c.cfg.StarvationThreshold {
				m.StarvingEventCount++
			}
		case ffiHeld, ffiCheckpointing:
			m.PendingCount++
			if m.OldestPendingAgeMS == nil || age > *m.OldestPendingAgeMS {
				id := e.EventID
				m.OldestPendingAgeMS, m.OldestEventID = &age, &id
			}
			m.NewestPendingAgeMS = pick(m.NewestPendingAgeMS, age, age < deref(m.NewestPendingAgeMS))
			if e.details != nil {
				if m.Heartbeats == nil {
					m.Heartbeats = map[string]json.RawMessage{}
				}
				m.Heartbeats[e.EventID.String()] = e.details
			}
		case ffiQuarantined:
			m.QuarantinedCount++
		}
	}
	m.StarvationDetected = m.StarvingEventCount > 0
	m.Exhausted = m.QuarantinedCount >= m.Slots
	return m
}

func pick(old *int64, age int64, better bool) *int64 {
	if old == nil || better {
		return &age
	}
	return old
}

func deref(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}
