package dispatch

import (
	"fmt"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// ring has onAlarm called at or before at. The caller holds mu.
func (c *FfiDispatchChannel) ring(at time.Time) {
	if c.closed || !c.alarmAt.IsZero() && !at.Before(c.alarmAt) {
		return
	}
	c.alarmAt = at
	c.alarm.Reset(time.Until(at))
}

// onAlarm does what is due: one timer serves all deliveries, since most end long before their time.
func (c *FfiDispatchChannel) onAlarm() {
	defer func() {
		if v := recover(); v != nil {
			c.panicked("watch the time of steps", v)
		}
	}()
	now := time.Now()
	var starving []any
	c.mu.Lock()
	c.alarmAt = time.Time{}
	for e := range c.events.all {
		if c.checkStarvation(e, now) {
			starving = append(starving, e.Message.stepUUID().String())
		}
		if next := c.checkTime(e, now); !next.IsZero() {
			c.ring(next)
		}
	}
	if at, open := c.breaker.recovery(); open && at.After(now) {
		c.ring(at)
	}
	c.mu.Unlock()
	if len(starving) > 0 {
		c.cfg.Logger.Warn("steps wait for the host to poll them; is its poller running?", "steps", len(starving),
			"longer_than", c.cfg.StarvationThreshold, "step_uuids", starving[:min(len(starving), 10)])
	}
	c.cfg.OnReady()
}

// checkTime ends the event if its time is up, and returns when it is to be looked at again. The caller holds mu.
func (c *FfiDispatchChannel) checkTime(e *FfiStepEvent, now time.Time) (next time.Time) {
	switch e.state {
	case ffiWaiting:
		if next = e.since.Add(c.cfg.UnpolledTimeout); now.Before(next) {
			if !e.warned {
				next = e.since.Add(min(c.cfg.StarvationThreshold, c.cfg.UnpolledTimeout))
			}
			return next
		}
		c.forget(e, FfiReturned)
		c.counts.Returned++
		c.parked = append(c.parked, e.Message)
		c.enqueue(&Completion{Message: e.Message, Released: true})
	case ffiHeld:
		if next = e.deadline(); now.Before(next) {
			return next
		}
		c.counts.TimedOut++
		c.notices = append(c.notices, FfiDelivery{Event: e, Cancelled: FfiTimedOut})
		result := c.timedOut(e)
		c.quarantine(e, FfiTimedOut, &Completion{Message: e.Message, Result: result})
	case ffiQuarantined:
		if next = e.deadline(); now.Before(next) {
			return next
		}
		c.counts.Abandoned++
		c.giveSlot(e.Message)
		c.forget(e, e.end)
	}
	return time.Time{}
}

// checkStarvation says whether the event has waited too long, once for each event. The caller holds mu.
func (c *FfiDispatchChannel) checkStarvation(e *FfiStepEvent, now time.Time) bool {
	if e.state != ffiWaiting || e.warned || now.Sub(e.since) < c.cfg.StarvationThreshold {
		return false
	}
	e.warned = true
	c.counts.StarvationWarnings++
	return true
}

func (c *FfiDispatchChannel) timedOut(e *FfiStepEvent) *sdk.StepExecutionResult {
	return c.failed(e, sdk.Retryable(fmt.Errorf("FFI handler timed out after %dms", e.Timeout.Milliseconds()),
		sdk.WithType("ffi_timeout"),
		sdk.WithContext("handler_name", e.Message.Handler),
		sdk.WithContext("task_uuid", e.Message.Key.TaskUUID.String()),
		sdk.WithContext("timeout_ms", e.Timeout.Milliseconds())))
}
