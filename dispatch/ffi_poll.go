package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tasker-systems/tasker-go/sdk"
)

// Poll appends to into what there is for the host: up to limit deliveries, whose payloads together have up to maxBytes; a
// larger one comes alone. From now on their time runs. Each delivery goes to one caller.
func (c *FfiDispatchChannel) Poll(into []FfiDelivery, limit, maxBytes int) []FfiDelivery {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.parked {
		c.giveSlot(m)
	}
	c.parked = nil

	n := min(limit, len(c.notices))
	into = append(into, c.notices[:n]...)
	c.notices = append(c.notices[:0], c.notices[n:]...)
	limit -= n

	room := c.breaker.room(now)
	took, handed, refused := 0, 0, false
	for _, e := range c.waiting {
		if e.state == ffiWaiting {
			if refused = handed == room; refused || handed == limit || len(e.payload) > maxBytes && len(into) > 0 {
				break
			}
			maxBytes -= len(e.payload)
			into = append(into, c.hold(e, now))
			handed++
		}
		took++
	}
	c.dequeue(took)
	c.breaker.handed(handed, refused)
	return into
}

// hold hands the event to the host. The caller holds mu.
func (c *FfiDispatchChannel) hold(e *FfiStepEvent, now time.Time) FfiDelivery {
	d := FfiDelivery{Event: e, Payload: e.payload}
	e.state, e.since, e.due, e.payload = ffiHeld, now, e.Timeout, nil
	c.held++
	c.counts.Polled++
	c.ring(e.deadline())
	c.cfg.OnHeld(e)
	return d
}

// HasReady says whether a poll would be given anything now.
func (c *FfiDispatchChannel) HasReady() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skipEnded()
	return len(c.notices) > 0 || len(c.waiting) > 0 && c.breaker.room(time.Now()) > 0
}

// Finished says that no poll will ever be given anything again.
func (c *FfiDispatchChannel) Finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining && c.held == 0 && len(c.notices) == 0
}

// skipEnded drops events from the front of the queue that are no longer waiting. The caller holds mu.
func (c *FfiDispatchChannel) skipEnded() {
	n := 0
	for n < len(c.waiting) && c.waiting[n].state != ffiWaiting {
		n++
	}
	c.dequeue(n)
}

// dequeue drops the first n of those that wait. The caller holds mu.
func (c *FfiDispatchChannel) dequeue(n int) {
	if c.waiting = shift(c.waiting, n); len(c.waiting) == 0 {
		c.queued.Store(false)
	}
}

// shift drops the first n values and lets go of what they point to.
func shift[T any](s []T, n int) []T {
	clear(s[:n])
	if n == len(s) {
		return s[:0]
	}
	return s[n:]
}

// loadBatch is how many events a loader takes on at a time. The rest is left to the others, who load side by side.
const loadBatch = 16

// loadAll makes payloads until the channel stops.
func (c *FfiDispatchChannel) loadAll() {
	var batch [loadBatch]*FfiStepEvent
	for {
		c.mu.Lock()
		for len(c.loading) == 0 && !c.closed {
			c.toLoad.Wait()
		}
		if c.closed {
			c.mu.Unlock()
			return
		}
		share := max(1, len(c.loading)/c.cfg.Loaders)
		n := copy(batch[:], c.loading[:min(share, loadBatch)])
		c.loading = shift(c.loading, n)
		c.mu.Unlock()
		c.load(batch[:n])
		clear(batch[:n])
	}
}

// publishAfter is how long a payload that is made may wait for the next ones, so that they are published together, while
// there is nothing else to be polled.
const publishAfter = 200 * time.Microsecond

// load makes the payloads of events, one after the other, and has them polled.
func (c *FfiDispatchChannel) load(batch []*FfiStepEvent) {
	published := time.Now()
	first := 0
	for i, e := range batch {
		e.EventID = newEventID(published)
		e.payload, e.failure = c.payload(e)
		if i == len(batch)-1 || !c.queued.Load() && time.Since(published) > publishAfter {
			published = time.Now()
			c.publish(batch[first:i+1], published)
			c.cfg.OnReady()
			first = i + 1
		}
	}
}

// noWaiting is done.
var noWaiting = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// loadAtOnce makes the payload for a host that has nothing else to run, if all that belongs in it is in memory: to wake a
// loader would take longer.
func (c *FfiDispatchChannel) loadAtOnce(ctx context.Context, e *FfiStepEvent) bool {
	now := time.Now()
	e.EventID = newEventID(now)
	if e.payload, e.failure = c.ask(noWaiting, e); !answered(e.failure) {
		e.failure = nil
		return false
	}
	c.publish([]*FfiStepEvent{e}, now)
	if !c.receives(ctx) {
		c.cfg.OnReady()
	}
	return true
}

func (c *FfiDispatchChannel) publish(batch []*FfiStepEvent, now time.Time) {
	c.mu.Lock()
	for _, e := range batch {
		switch {
		case e.state != ffiLoading: // cancelled meanwhile
		case e.failure != nil:
			e.since = now
			c.settle(e, FfiReleased, &Completion{Message: e.Message, Result: c.failed(e, e.failure)})
		default:
			e.state, e.since = ffiWaiting, now
			c.waiting = append(c.waiting, e)
		}
	}
	c.queued.Store(len(c.waiting) > 0)
	c.ring(now.Add(min(c.cfg.StarvationThreshold, c.cfg.UnpolledTimeout)))
	c.mu.Unlock()
}

// payload asks the source until it answers, for good or ill.
func (c *FfiDispatchChannel) payload(e *FfiStepEvent) ([]byte, error) {
	var wait *backoff.ExponentialBackOff
	for {
		payload, err := c.ask(c.ctx, e)
		if answered(err) {
			return payload, err
		}
		if wait == nil {
			wait = backoff.NewExponentialBackOff()
			wait.InitialInterval, wait.MaxInterval = 10*time.Millisecond, time.Second
		}
		c.cfg.Logger.Warn("a step's event cannot be made yet", "step_uuid", e.Message.stepUUID(), "error", err)
		select {
		case <-time.After(wait.NextBackOff()):
		case <-c.ctx.Done():
			return nil, context.Cause(c.ctx)
		}
		if !c.isLoading(e) {
			return nil, err
		}
	}
}

// answered says whether the source need not be asked again.
func answered(err error) bool {
	if err == nil {
		return true
	}
	var step *sdk.StepError
	return errors.As(err, &step) && !step.Retryable
}

func (c *FfiDispatchChannel) ask(ctx context.Context, e *FfiStepEvent) (payload []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.panicked("make a step's event", v)
			err = sdk.Permanent(errors.New("the step's event cannot be made: the core panicked"), sdk.WithType(sdk.ErrTypeHandlerPanic))
		}
	}()
	return c.source.StepEvent(ctx, e)
}

func (c *FfiDispatchChannel) isLoading(e *FfiStepEvent) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.state == ffiLoading
}

func (m *DispatchHandlerMessage) stepUUID() sdk.UUID {
	return sdk.StepUUID(m.Key.TaskUUID, m.Key.StepNo)
}
