package dispatch

import (
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// enqueue takes results over to be sent. It never refuses: the host's results are refused before that, and those that the
// core makes are no more than there are slots. The caller holds mu.
func (c *FfiDispatchChannel) enqueue(results ...*Completion) {
	if c.closed { // the lease ends the attempt
		return
	}
	results = results[c.sendAtOnce(results):]
	if len(results) == 0 {
		return
	}
	c.unsent.Add(int64(len(results)))
	if c.results = append(c.results, results...); len(c.results) == len(results) {
		select {
		case c.sending <- struct{}{}:
		default:
		}
	}
}

// sendAtOnce spares results the way over the channel's sender if none is before them, nothing makes them wait, and the
// breaker does not want to see how long it takes. It returns how many are sent.
func (c *FfiDispatchChannel) sendAtOnce(results []*Completion) (sent int) {
	if c.unsent.Load() > 0 || !c.breaker.trusting() {
		return 0
	}
	defer func() {
		if v := recover(); v != nil {
			c.counts.Panics++
			c.logPanic("send results", v)
			sent = len(results) // as far as they will ever be
		}
		c.breaker.sent(sent)
	}()
	return c.sink.TrySend(results)
}

// sendAll hands results over, one after the other, for as long as the sink makes it wait. When the channel stops it sends
// what is left.
func (c *FfiDispatchChannel) sendAll() {
	var spare []*Completion
	for {
		stopping := false
		select {
		case <-c.sending:
		case <-c.ctx.Done():
			stopping = true
		}
		c.mu.Lock()
		batch := c.results
		c.results = spare[:0]
		c.mu.Unlock()
		c.sendBatch(batch)
		spare = batch
		if stopping && len(batch) == 0 {
			return
		}
	}
}

// clockedSends is how many sends are measured together: a clock costs more than most sends.
const clockedSends = 8

func (c *FfiDispatchChannel) sendBatch(batch []*Completion) {
	for len(batch) > 0 {
		n := min(len(batch), clockedSends)
		if !c.breaker.trusting() {
			n = 1
		}
		started := time.Now()
		for i, r := range batch[:n] {
			batch[i] = nil
			c.send(r)
		}
		sent := time.Now()
		if c.breaker.observe(n, sent.Sub(started), sent) {
			c.breakerChanged(sent)
		}
		batch = batch[n:]
	}
}

func (c *FfiDispatchChannel) send(r *Completion) {
	defer func() {
		if v := recover(); v != nil {
			c.panicked("send a result", v)
		}
		if c.unsent.Add(-1) < int64(c.cfg.CompletionBufferSize) && c.full.CompareAndSwap(true, false) {
			c.cfg.OnRoom()
		}
	}()
	c.sink.Send(r)
}

func (c *FfiDispatchChannel) breakerChanged(now time.Time) {
	m := c.breaker.snapshot(now)
	c.cfg.Logger.Warn("the breaker over step results changed: while it is open the host is given no steps",
		"state", m.State, "slow_sends", m.SlowSends)
	if at, open := c.breaker.recovery(); open {
		c.mu.Lock()
		c.ring(at)
		c.mu.Unlock()
		return
	}
	c.cfg.OnReady()
}

// ForceBreaker opens or closes the breaker by hand; it goes on from there as it would by itself.
func (c *FfiDispatchChannel) ForceBreaker(open bool) {
	now := time.Now()
	c.breaker.force(open, now)
	c.breakerChanged(now)
}

// failed is the result of a step that the core ends.
func (c *FfiDispatchChannel) failed(e *FfiStepEvent, err error) *sdk.StepExecutionResult {
	r := Failed(e.Message.Key, err)
	from, now := sdk.At(e.since), time.Now()
	r.Metadata.StartedAt, r.Metadata.CompletedAt = &from, sdk.At(now)
	r.Metadata.ExecutionTimeMS = now.Sub(e.since).Milliseconds()
	r.Metadata.WorkerID = c.cfg.WorkerName
	return r
}
