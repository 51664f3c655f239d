package dispatch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// StepKey names one attempt of one step.
type StepKey struct {
	TaskUUID sdk.UUID
	StepNo   int32
	Attempt  int32
}

// DispatchHandlerMessage is a claimed step on its way to its handler. It holds one slot.
type DispatchHandlerMessage struct {
	Key  StepKey
	Step *sdk.StepContext
	// Handler, Method and Resolver are the template's handler.callable, handler.method and handler.resolver.
	Handler, Method, Resolver string
	// Timeout bounds the attempt from its start; zero leaves it to the service.
	Timeout time.Duration
	// FanOut is how many steps wait for this one: it bounds what is accepted at once.
	FanOut int

	cancellation cancellation
	slot         slotShare
}

// Cancel tells the handler, now or when it starts, that the attempt is no longer this worker's. What the handler returns
// after that is still sent: the store refuses it if it must.
func (m *DispatchHandlerMessage) Cancel(cause error) { m.cancellation.cancel(cause) }

// cancellation reaches a handler that runs, and one that has not started.
type cancellation struct {
	mu    sync.Mutex
	cause error
	fn    context.CancelCauseFunc
}

func (c *cancellation) attach(fn context.CancelCauseFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fn = fn
	if c.cause != nil {
		fn(c.cause)
	}
}

func (c *cancellation) cancel(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return
	}
	c.cause = cause
	if c.fn != nil {
		c.fn(cause)
	}
}

// slotShare gives a message's slot back once two things have happened: its handler came back, and its result was accepted.
// So a handler that runs on after its timeout keeps its slot.
type slotShare struct{ parts atomic.Int32 }

// give is called once for each part; true means that the slot is free now.
func (s *slotShare) give() bool { return s.parts.Add(1) == 2 }

// cameBack says, before the result is accepted, whether accepting it will free the slot.
func (s *slotShare) cameBack() bool { return s.parts.Load() == 1 }

// Completion is the end of an attempt.
type Completion struct {
	Message *DispatchHandlerMessage
	Result  *sdk.StepExecutionResult
	// Released gives the attempt back unused; Result is nil then.
	Released bool
	// Stale is set by the sink when the attempt was over before: the result changed nothing.
	Stale bool

	turn *turn // of the runner that sends it; may be nil
}

// CompletionSender takes the ends of attempts; [CompletionProcessorService] is one.
type CompletionSender interface {
	// Send hands a completion over. It waits while the completion channel is full.
	Send(c *Completion)
	// TrySend hands over the first of a batch, as many as there is room for, and returns how many.
	TrySend(batch []*Completion) (sent int)
	// Watch returns the answer to a result, on its way, for a caller who will wait for it; nil: there is none, or somebody does.
	Watch(by *FfiDispatchChannel) *Answer
}
