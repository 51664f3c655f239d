package bridge

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// heldStep is what a token stands for.
type heldStep struct {
	worker *worker
	event  *dispatch.FfiStepEvent
}

func (s heldStep) uuid() sdk.UUID {
	key := s.event.Message.Key
	return sdk.StepUUID(key.TaskUUID, key.StepNo)
}

func (s heldStep) channel() *dispatch.FfiDispatchChannel { return s.worker.steps.Load() }

// step finds the step of a token that the worker handed out.
func (l *Library) step(h, token uint64) (heldStep, error) {
	s, end, ok, known := l.tokens.get(handle(token))
	if ok && s.worker.handle.Load() == h {
		return s, nil
	}
	if _, err := l.worker(h); err != nil {
		return heldStep{}, err
	}
	switch {
	case ok || !known:
		return heldStep{}, Errorf(EStaleToken, "this worker never handed out such a token").With("reason", "unknown")
	case end == "":
		return heldStep{}, Errorf(EStaleToken, "the step was ended some time ago").With("reason", "ended")
	}
	return heldStep{}, &dispatch.FfiStaleError{End: dispatch.FfiEnd(end)}
}

// hold gives a step its token, forget takes it away. They are the channel's hooks.
func (w *worker) hold(e *dispatch.FfiStepEvent) { e.Tag = uint64(w.lib.tokens.put(heldStep{w, e})) }

func (w *worker) forget(e *dispatch.FfiStepEvent, end dispatch.FfiEnd) {
	if e.Tag != 0 {
		w.lib.tokens.remove(handle(e.Tag), string(end))
	}
}

// Complete hands over the result of a step. With waits, an answer of EBusy carries a Wait.
func (l *Library) Complete(h, token uint64, raw []byte, waits bool) Reply {
	s, result, err := l.ending(h, token, raw)
	if err != nil {
		return fail(err)
	}
	return s.ended(s.channel().Complete(s.event, result), waits)
}

// Completions are results to be handed over together.
type Completions interface {
	Len() int
	// Token and Result are those of the step at i, Answer is told what became of it.
	Token(i int) uint64
	Result(i int) []byte
	Answer(i int, code Code)
}

// CompleteBatch is [Library.Complete] for many steps, but does not wait. Each is accepted or not, whatever the others are;
// the reply is that to the first that was not.
func (l *Library) CompleteBatch(h uint64, batch Completions) (reply Reply) {
	var w *worker
	kept := scratches.Get().(*scratch)
	defer kept.release()
	kept.endings = slices.Grow(kept.endings, batch.Len())[:batch.Len()]
	endings := kept.endings
	for i := range endings {
		s, result, err := l.ending(h, batch.Token(i), batch.Result(i))
		if err != nil {
			endings[i].Err = err
			continue
		}
		w = s.worker // that of h, as for all
		endings[i] = dispatch.FfiEnding{Event: s.event, Result: result}
	}
	if w != nil {
		w.steps.Load().CompleteAll(endings)
		w.afterStep()
	}
	for i, e := range endings {
		var r Reply
		if e.Err != nil {
			r = fail(e.Err)
		}
		batch.Answer(i, r.Code)
		if reply.Code == OK {
			reply = r
		}
	}
	return reply
}

// ending reads the result that ends a step.
func (l *Library) ending(h, token uint64, raw []byte) (heldStep, *sdk.StepExecutionResult, error) {
	s, err := l.step(h, token)
	if err != nil {
		return s, nil, err
	}
	result, err := decodeResult(raw, s.uuid(), s.worker.limits)
	return s, result, err
}

// Release gives a step back unused.
func (l *Library) Release(h, token uint64, reason []byte) Reply {
	s, err := l.step(h, token)
	if err == nil {
		err = checkOptional(reason, s.worker.limits)
	}
	if err != nil {
		return fail(err)
	}
	r := s.ended(s.channel().Release(s.event), false)
	if r.Code == OK {
		l.Logger().Info("a step was given back by the host", "step_uuid", s.uuid(), "reason", string(reason))
	}
	return r
}

// ended answers a call that ends a step.
func (s heldStep) ended(err error, waits bool) Reply {
	switch {
	case err == nil:
		s.worker.afterStep()
		return Reply{}
	case errors.Is(err, dispatch.ErrFfiBusy) && waits:
		room := roomSource{s.worker}
		room.bell().lower(s.channel().HasRoom)
		return s.worker.lib.beginWait(&wait{source: room}, fail(err))
	}
	return fail(err)
}

// roomSource lets hosts wait for room for results.
type roomSource struct{ *worker }

func (r roomSource) bell() *signal { return r.room }

// Heartbeat says that a step's handler is alive.
func (l *Library) Heartbeat(h, token uint64, details []byte) Reply {
	s, err := l.step(h, token)
	if err == nil {
		err = checkOptional(details, s.worker.limits)
	}
	if err == nil {
		var kept []byte
		if len(details) > 0 {
			kept = bytes.Clone(details)
		}
		err = s.channel().Heartbeat(s.event, kept)
	}
	if err != nil {
		return fail(heartbeatError(err))
	}
	return Reply{}
}

// heartbeatError tells a handler whose step the core ended to stop, even when the step is gone by now.
func heartbeatError(err error) error {
	var stale *dispatch.FfiStaleError
	if errors.As(err, &stale) {
		switch stale.End {
		case dispatch.FfiTimedOut, dispatch.FfiCancelled, dispatch.FfiLeaseLost, dispatch.FfiShutdown:
			return &dispatch.FfiCancelledError{End: stale.End}
		}
	}
	return err
}

// Checkpoint stores how far a step got, and has it delivered again.
func (l *Library) Checkpoint(h, token uint64, raw []byte, timeoutMS int32) Reply {
	s, err := l.step(h, token)
	if err != nil {
		return fail(err)
	}
	c, err := decodeCheckpoint(bytes.Clone(raw), s.uuid(), s.worker.limits)
	if err != nil {
		return fail(err)
	}
	if timeoutMS == 0 {
		if err := s.channel().CheckpointLater(s.event, c); err != nil {
			return fail(err)
		}
		return Reply{Code: Pending}
	}
	ctx, cancel := deadline(s.worker.ctx, timeoutMS)
	defer cancel()
	err = s.channel().Checkpoint(ctx, s.event, c)
	if err != nil {
		return fail(checkpointError(ctx, err))
	}
	s.worker.afterStep()
	return Reply{}
}

// checkpointError tells trouble with the database from trouble with the call.
func checkpointError(ctx context.Context, err error) error {
	if e := toError(err); e.Code != EInternal {
		return e
	}
	if ctx.Err() != nil {
		return Errorf(EDeadline, "%s", err)
	}
	return Errorf(EDatabase, "%s", err)
}

func checkOptional(raw []byte, limits payload.Limits) error {
	if len(raw) == 0 {
		return nil
	}
	return check(raw, limits)
}
