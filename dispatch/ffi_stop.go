package dispatch

import (
	"context"
	"fmt"
	"time"
)

// Drain hands out no further step: what was not polled is given back. What the host holds it can still end.
func (c *FfiDispatchChannel) Drain() {
	c.mu.Lock()
	c.draining = true
	for e := range c.events.all {
		if e.state == ffiLoading || e.state == ffiWaiting {
			c.giveBack(e, FfiShutdown)
		}
	}
	for _, m := range c.parked {
		c.giveSlot(m)
	}
	c.parked, c.loading = nil, nil
	c.dequeue(len(c.waiting))
	c.checkIdle()
	c.mu.Unlock()
	c.cfg.OnReady()
}

// Idle is closed when the channel drains and the host holds nothing any more.
func (c *FfiDispatchChannel) Idle() <-chan struct{} { return c.idle }

// Abandon ends what the host holds without a word to the store: the attempts are made again once their lease has run out.
// It is for a host that is gone; Stop then tells how many steps were left so.
func (c *FfiDispatchChannel) Abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := range c.events.all {
		if e.state == ffiHeld || e.state == ffiCheckpointing {
			c.abandoned++
			c.leave(e)
			c.forget(e, FfiShutdown)
		}
	}
}

// Stop drains. The host may end what it holds until ctx is done; then it is told to stop, and after another grace what is
// left is given back: the error counts it. All results are handed over when Stop returns.
func (c *FfiDispatchChannel) Stop(ctx context.Context, grace time.Duration) error {
	c.Drain()
	select {
	case <-c.idle:
	case <-ctx.Done():
		for _, e := range c.heldByHost() {
			e.Message.Cancel(ErrShutdown)
		}
		select {
		case <-c.idle:
		case <-time.After(grace):
		}
	}
	left := c.close()
	c.abort()
	unsent := c.flush(max(grace, time.Second))
	c.cfg.OnReady()
	if left+unsent > 0 {
		return fmt.Errorf("%d steps were not given back by the host in time, and %d results were not taken by the store; the steps will run again", left, unsent)
	}
	return nil
}

// flush waits until the channel's own goroutines have handed over all results and ended. A sink that takes nothing any
// more may keep it from that; it then returns how many results are left.
func (c *FfiDispatchChannel) flush(timeout time.Duration) (unsent int) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.tasks.Wait()
	}()
	select {
	case <-done:
		return 0
	case <-time.After(timeout):
		return int(c.unsent.Load())
	}
}

// close ends what is left, and returns how many steps the host still had.
func (c *FfiDispatchChannel) close() (left int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left = c.abandoned
	for e := range c.events.all {
		switch e.state {
		case ffiHeld, ffiCheckpointing:
			left++
			c.settle(e, FfiShutdown, &Completion{Message: e.Message, Released: true})
		case ffiQuarantined:
			c.giveSlot(e.Message)
			c.forget(e, e.end)
		}
	}
	c.closed = true
	c.alarm.Stop()
	c.toLoad.Broadcast()
	return left
}

func (c *FfiDispatchChannel) heldByHost() []*FfiStepEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	var held []*FfiStepEvent
	for e := range c.events.all {
		if e.state == ffiHeld || e.state == ffiCheckpointing {
			held = append(held, e)
		}
	}
	return held
}
