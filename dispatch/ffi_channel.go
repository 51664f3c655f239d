package dispatch

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// FfiEventSource makes the document by which a host runs a step.
type FfiEventSource interface {
	// StepEvent loads what the handler needs and encodes it. An error made by [sdk.Permanent] fails the step; after any
	// other it is asked again, since the database comes back. A ctx that is done asks for an event out of memory, or none.
	StepEvent(ctx context.Context, e *FfiStepEvent) (payload []byte, err error)
}

// FfiConfig tunes an [FfiDispatchChannel]; its zero value is ready to use.
type FfiConfig struct {
	// CompletionBufferSize is the room for results that wait to be sent. Defaults to 1000.
	CompletionBufferSize int
	// CompletionTimeout bounds deliveries of steps whose template names no timeout. Defaults to 30 seconds.
	CompletionTimeout time.Duration
	// StarvationThreshold: a step that waits longer than this to be polled is starving. Defaults to 10 seconds.
	StarvationThreshold time.Duration
	// UnpolledTimeout: a step that waits longer than this to be polled is given back, for other workers. Its slot stays
	// taken until the next poll, so that a host that has died claims nothing more. Defaults to CompletionTimeout.
	UnpolledTimeout time.Duration
	// AbandonTimeout is how long a step that the core ended keeps its slot while its handler has not come back. Defaults
	// to 5 minutes.
	AbandonTimeout time.Duration
	// CheckpointTimeout bounds the storing of a checkpoint that nobody waits for. Defaults to 10 seconds.
	CheckpointTimeout time.Duration
	// Loaders make payloads side by side. Defaults to 4.
	Loaders int
	Breaker FfiBreakerConfig
	// Checkpoints keeps checkpoints; nil means that there are none.
	Checkpoints CheckpointStore
	// OnReady is called when there may be something to poll, OnRoom when there is room for results again.
	OnReady, OnRoom func()
	// OnHeld is called as an event is handed out, OnGone when one has ended for good: it is not looked at again. Neither
	// may wait or call the channel.
	OnHeld func(*FfiStepEvent)
	OnGone func(*FfiStepEvent, FfiEnd)
	// WorkerName is kept with results that the core makes.
	WorkerName string
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

func (c FfiConfig) withDefaults() FfiConfig {
	if c.CompletionBufferSize <= 0 {
		c.CompletionBufferSize = 1000
	}
	if c.Loaders <= 0 {
		c.Loaders = 4
	}
	if c.CompletionTimeout <= 0 {
		c.CompletionTimeout = 30 * time.Second
	}
	if c.UnpolledTimeout <= 0 {
		c.UnpolledTimeout = c.CompletionTimeout
	}
	for timeout, byDefault := range map[*time.Duration]time.Duration{
		&c.StarvationThreshold: 10 * time.Second, &c.AbandonTimeout: 5 * time.Minute, &c.CheckpointTimeout: 10 * time.Second,
	} {
		if *timeout <= 0 {
			*timeout = byDefault
		}
	}
	if c.OnReady == nil {
		c.OnReady = func() {}
	}
	if c.OnRoom == nil {
		c.OnRoom = func() {}
	}
	if c.OnHeld == nil {
		c.OnHeld = func(*FfiStepEvent) {}
	}
	if c.OnGone == nil {
		c.OnGone = func(*FfiStepEvent, FfiEnd) {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// FfiDispatchChannel is the seam to handlers in other languages: a host polls for steps, runs them as it likes and ends
// each one. It is the consumer of dispatch messages that [HandlerDispatchService] is for Go handlers, and shares the slots
// with it. All times are kept here: nothing depends on the host calling again.
//
// It knows no language and no C. None of its methods waits, but for Checkpoint and Stop.
type FfiDispatchChannel struct {
	cfg     FfiConfig
	slots   *Slots
	sink    CompletionSender
	source  FfiEventSource
	breaker *ffiBreaker

	ctx   context.Context
	abort context.CancelFunc
	tasks sync.WaitGroup

	unsent atomic.Int64 // results that were taken over and not yet sent
	full   atomic.Bool  // a result was refused since there was room last
	queued atomic.Bool  // there is something in waiting

	mu        sync.Mutex
	events    eventList // all but those that are gone
	loading   []*FfiStepEvent
	toLoad    *sync.Cond      // there is something in loading, or the channel is closed
	waiting   []*FfiStepEvent // in the order of their coming; entries that are no longer waiting are skipped
	notices   []FfiDelivery
	results   []*Completion
	ending    []*Completion // what CompleteAll works on
	sending   chan struct{} // a token when there are results
	parked    []*DispatchHandlerMessage
	counts    ffiCounts
	held      int
	abandoned int // steps that were left to their lease
	alarm     *time.Timer
	alarmAt   time.Time
	draining  bool
	closed    bool
	idle      chan struct{} // closed when it drains and the host holds nothing
}

// NewFfiDispatchChannel makes a channel over slots whose results go to sink. Stop it with [FfiDispatchChannel.Stop].
func NewFfiDispatchChannel(source FfiEventSource, slots *Slots, sink CompletionSender, cfg FfiConfig) *FfiDispatchChannel {
	c := &FfiDispatchChannel{
		cfg: cfg.withDefaults(), slots: slots, sink: sink, source: source, breaker: newFfiBreaker(cfg.Breaker),
		sending: make(chan struct{}, 1), idle: make(chan struct{}),
	}
	c.events.root.next, c.events.root.prev = &c.events.root, &c.events.root
	c.toLoad = sync.NewCond(&c.mu)
	c.ctx, c.abort = context.WithCancel(context.Background())
	c.alarm = time.AfterFunc(time.Hour, c.onAlarm)
	c.alarm.Stop()
	for range c.cfg.Loaders {
		c.run("load step events", c.loadAll)
	}
	c.run("send results", c.sendAll)
	return c
}

// Dispatch takes a step whose slot is held. It does not wait.
func (c *FfiDispatchChannel) Dispatch(ctx context.Context, m *DispatchHandlerMessage) {
	c.deliver(ctx, m, m.Step.Checkpoint())
}

// deliver starts a delivery of a step, the first one or the next after a checkpoint.
func (c *FfiDispatchChannel) deliver(ctx context.Context, m *DispatchHandlerMessage, checkpoint json.RawMessage) {
	e := &FfiStepEvent{Message: m, Timeout: m.Timeout, Checkpoint: checkpoint}
	if e.Timeout <= 0 {
		e.Timeout = c.cfg.CompletionTimeout
	}
	c.mu.Lock()
	c.events.add(e)
	if c.draining {
		c.giveBack(e, FfiShutdown)
		c.mu.Unlock()
		return
	}
	hungry := len(c.loading) == 0 && len(c.waiting) == 0
	if !hungry {
		c.loading = append(c.loading, e)
	}
	c.mu.Unlock()
	m.cancellation.attach(func(cause error) { c.cancel(e, cause) })
	if hungry {
		if c.loadAtOnce(ctx, e) {
			return
		}
		c.mu.Lock()
		c.loading = append(c.loading, e)
		c.mu.Unlock()
	}
	c.toLoad.Signal()
}

// run starts one of the channel's own loops. One that panics is logged and started again: it must not end the process.
func (c *FfiDispatchChannel) run(what string, loop func()) {
	c.tasks.Add(1)
	go func() {
		defer c.tasks.Done()
		for !c.survives(what, loop) {
		}
	}()
}

func (c *FfiDispatchChannel) survives(what string, fn func()) (returned bool) {
	defer func() {
		if v := recover(); v != nil {
			c.panicked(what, v)
		}
	}()
	fn()
	return true
}

func (c *FfiDispatchChannel) panicked(what string, v any) {
	c.mu.Lock()
	c.counts.Panics++
	c.mu.Unlock()
	c.logPanic(what, v)
}

func (c *FfiDispatchChannel) logPanic(what string, v any) {
	c.cfg.Logger.Error("a panic was caught in the dispatch channel", "while", what, "panic", v)
}

// cancel tells a delivery that the attempt is no longer this worker's, or that the worker stops.
func (c *FfiDispatchChannel) cancel(e *FfiStepEvent, cause error) {
	end := endOf(cause)
	c.mu.Lock()
	switch e.state {
	case ffiLoading, ffiWaiting:
		c.giveBack(e, end)
	case ffiHeld:
		c.notices = append(c.notices, FfiDelivery{Event: e, Cancelled: end})
		if e.cause = cause; end != FfiShutdown {
			c.quarantine(e, end, &Completion{Message: e.Message, Released: true})
		}
	case ffiCheckpointing:
		e.cause = cause // looked at when the checkpoint is stored
	}
	c.mu.Unlock()
	c.cfg.OnReady()
}

// giveBack ends a delivery that was never polled. The caller holds mu.
func (c *FfiDispatchChannel) giveBack(e *FfiStepEvent, end FfiEnd) {
	c.counts.Returned++
	c.settle(e, end, &Completion{Message: e.Message, Released: true})
}

// settle ends a delivery on which nobody works. The caller holds mu.
func (c *FfiDispatchChannel) settle(e *FfiStepEvent, end FfiEnd, result *Completion) {
	c.end(e, end)
	c.enqueue(result)
}

// end ends a delivery, but for its result. The caller holds mu.
func (c *FfiDispatchChannel) end(e *FfiStepEvent, end FfiEnd) {
	c.leave(e)
	c.forget(e, end)
	c.giveSlot(e.Message)
}

// quarantine ends a delivery that the host still works on. The caller holds mu.
func (c *FfiDispatchChannel) quarantine(e *FfiStepEvent, end FfiEnd, result *Completion) {
	c.leave(e)
	e.state, e.end, e.due = ffiQuarantined, end, time.Since(e.since)+c.cfg.AbandonTimeout
	c.ring(e.deadline())
	c.enqueue(result)
}

// leave notes that the host no longer holds the event. The caller holds mu.
func (c *FfiDispatchChannel) leave(e *FfiStepEvent) {
	if e.state == ffiHeld || e.state == ffiCheckpointing {
		c.held--
		c.checkIdle()
	}
}

func (c *FfiDispatchChannel) checkIdle() {
	if c.draining && c.held == 0 {
		select {
		case <-c.idle:
		default:
			close(c.idle)
		}
	}
}

// forget drops the event. The caller holds mu.
func (c *FfiDispatchChannel) forget(e *FfiStepEvent, end FfiEnd) {
	if e.state == ffiWaiting {
		e.payload = nil
	}
	e.state, e.end = ffiGone, end
	c.events.remove(e)
	c.cfg.OnGone(e, end)
}

// giveSlot gives the host's part of a slot. The caller holds mu.
func (c *FfiDispatchChannel) giveSlot(m *DispatchHandlerMessage) {
	if m.slot.give() {
		c.slots.Release(1)
	}
}
