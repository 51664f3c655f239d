package bridge

import (
	"context"
	"errors"

	"github.com/tasker-systems/tasker-go/internal/payload"
)

// mostCalls bounds the asynchronous calls of a handle whose answer was not polled yet.
const mostCalls = 1000

// Call calls a method and waits for its answer, no longer than the deadline.
func (l *Library) Call(h uint64, method string, params []byte, timeoutMS int32) Reply {
	e, err := l.endpoint(h)
	if err == nil {
		params, err = checkParams(params)
	}
	if err != nil {
		return fail(err)
	}
	ctx, cancel := deadline(e.ctx, timeoutMS)
	answer := make(chan Reply, 1)
	l.tasks.run("call "+method, func() {
		defer cancel()
		answer <- e.answer(ctx, method, params)
	})
	select {
	case r := <-answer:
		return r
	case <-ctx.Done():
	}
	select {
	case r := <-answer: // both were ready
		return r
	default:
		return fail(callError(ctx.Err()))
	}
}

// answer calls the method; a panic in it is an error.
func (e *endpoint) answer(ctx context.Context, method string, params []byte) (r Reply) {
	panicked := e.lib.tasks.guard("call "+method, func() {
		result, err := e.caller.Call(ctx, method, params)
		switch {
		case err == nil:
			r = Reply{Document: result}
		case ctx.Err() != nil:
			r = fail(callError(ctx.Err()))
		default:
			r = fail(err)
		}
	})
	if panicked != nil {
		return fail(Errorf(EPanic, "%s: %v", method, panicked))
	}
	return r
}

func callError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return Errorf(EDeadline, "no answer in time; the call may have had its effect")
	}
	return Errorf(ECancelled, "the call was cancelled; it may have had its effect")
}

// CallAsync starts a call; its answer is a frame.
func (l *Library) CallAsync(h, request uint64, method string, params []byte, timeoutMS int32) Reply {
	e, err := l.endpoint(h)
	if err == nil {
		params, err = checkParams(params)
	}
	if err != nil {
		return fail(err)
	}
	ctx, cancel := deadline(e.ctx, timeoutMS)
	if err := e.beginCall(request, cancel); err != nil {
		cancel()
		return fail(err)
	}
	l.tasks.run("call "+method, func() {
		defer cancel()
		r := e.answer(ctx, method, params)
		e.endCall(request, Frame{Type: FrameResponse, Number: request, Status: int32(r.Code), Payload: r.Document})
	})
	return Reply{Code: Pending}
}

func (e *endpoint) beginCall(request uint64, cancel func()) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch _, taken := e.calls[request]; {
	case e.freed:
		return Errorf(EHandle, "the handle was freed")
	case taken:
		return Errorf(EConflict, "request %d is under way", request)
	case len(e.calls)+len(e.frames) >= mostCalls:
		return Errorf(EBusy, "%d calls are under way or not polled: poll, and try again", mostCalls)
	}
	e.calls[request] = cancel
	return nil
}

func (e *endpoint) endCall(request uint64, f Frame) {
	e.mu.Lock()
	delete(e.calls, request)
	e.frames = append(e.frames, f)
	e.mu.Unlock()
	e.ready.raise()
}

// CallCancel cancels a call that was started.
func (l *Library) CallCancel(h, request uint64) Reply {
	e, err := l.endpoint(h)
	if err != nil {
		return fail(err)
	}
	e.mu.Lock()
	cancel := e.calls[request]
	e.mu.Unlock()
	if cancel == nil {
		return fail(Errorf(ENotFound, "no request %d is under way", request))
	}
	cancel()
	return Reply{}
}

// checkParams copies params, which the call may outlive.
func checkParams(params []byte) ([]byte, error) {
	if len(params) == 0 {
		return []byte("{}"), nil
	}
	limits := payload.Limits{MaxBytes: payload.HardMaxBytes, MaxDepth: payload.HardMaxDepth}
	if err := check(params, limits); err != nil {
		return nil, err
	}
	return append([]byte(nil), params...), nil
}
