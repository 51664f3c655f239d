package dispatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// Causes with which a handler's context is cancelled.
var (
	// ErrTimeout: the attempt's time is up.
	ErrTimeout = errors.New("the step's time is up")
	// ErrLeaseLost: the attempt belongs to another worker by now, or will soon.
	ErrLeaseLost = errors.New("the step's lease is lost")
	// ErrCancelled: the step was cancelled.
	ErrCancelled = errors.New("the step is cancelled")
	// ErrShutdown: the worker stops.
	ErrShutdown = errors.New("the worker stops")
)

// attempt is one running handler.
type attempt struct {
	service *HandlerDispatchService
	message *DispatchHandlerMessage
	sent    atomic.Bool
}

// run calls the handler. Exactly one completion is sent: when the handler returns, or when its time is up before that. It
// returns the step that the result made the runner's next.
func (a *attempt) run() (next *attempt) {
	s, m := a.service, a.message
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	m.cancellation.attach(cancel)

	timeout := m.Timeout
	if timeout <= 0 {
		timeout = s.cfg.HandlerTimeout
	}
	started := time.Now()
	timer := time.AfterFunc(timeout, func() {
		if a.sent.CompareAndSwap(false, true) { // before the handler hears of it, and returns
			cancel(ErrTimeout)
			s.sink.Send(a.result(timedOut(m, timeout), started))
		}
	})
	var result *sdk.StepExecutionResult
	turn := &turn{service: s}
	defer func() { // also when the handler panics, or ends its goroutine
		if result == nil {
			v := recover()
			if v == nil {
				turn = nil // there is no runner to go on
			}
			result = panicked(m, v)
		}
		timer.Stop()
		a.finish(ctx, turn, result, started)
		next = turn.end()
	}()
	result = s.call(ctx, m, func() bool { return timer.Stop() && !timer.Reset(timeout) })
	return nil
}

// finish gives the handler's part of the slot back and sends the result, unless the timer was faster.
func (a *attempt) finish(ctx context.Context, turn *turn, result *sdk.StepExecutionResult, started time.Time) {
	s, m := a.service, a.message
	s.mu.Lock()
	delete(s.running, a)
	s.mu.Unlock()
	if m.slot.give() {
		s.slots.Release(1)
	}
	cause := context.Cause(ctx)
	if !result.Success && (errors.Is(cause, ErrShutdown) || errors.Is(cause, ErrLeaseLost)) {
		a.send(&Completion{Message: m, Released: true})
		return
	}
	c := a.result(result, started)
	c.turn = turn
	a.send(c)
}

func (a *attempt) result(r *sdk.StepExecutionResult, started time.Time) *Completion {
	from, now := sdk.At(started), time.Now()
	r.Metadata.StartedAt, r.Metadata.CompletedAt = &from, sdk.At(now)
	r.Metadata.ExecutionTimeMS = now.Sub(started).Milliseconds()
	r.Metadata.WorkerID = a.service.cfg.WorkerName
	return &Completion{Message: a.message, Result: r}
}

func (a *attempt) send(c *Completion) {
	if a.sent.CompareAndSwap(false, true) {
		a.service.sink.Send(c)
	}
}

func timedOut(m *DispatchHandlerMessage, after time.Duration) *sdk.StepExecutionResult {
	return Failed(m.Key, sdk.Retryable(fmt.Errorf("handler %s timed out after %s", m.Handler, after),
		sdk.WithType(sdk.ErrTypeHandlerTimeout),
		sdk.WithContext("handler_name", m.Handler),
		sdk.WithContext("task_uuid", m.Key.TaskUUID.String()),
		sdk.WithContext("timeout_ms", after.Milliseconds())))
}

func panicked(m *DispatchHandlerMessage, v any) *sdk.StepExecutionResult {
	if v == nil {
		v = "runtime.Goexit was called"
	}
	r := Failed(m.Key, sdk.Permanent(fmt.Errorf("Handler panicked: %v", v), sdk.WithType(sdk.ErrTypeHandlerPanic)))
	r.Error.Backtrace = strings.Split(strings.TrimSpace(string(debug.Stack())), "\n")
	return r
}
