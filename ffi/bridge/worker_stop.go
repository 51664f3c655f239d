package bridge

import (
	"context"
	"errors"
	"time"
)

// WorkerDrain claims no more.
func (l *Library) WorkerDrain(h uint64) Reply {
	w, err := l.worker(h)
	if err != nil {
		return fail(err)
	}
	w.drain()
	return Reply{}
}

func (w *worker) drain() {
	w.mu.Lock()
	was := w.state
	if was == stateNew || was == stateRunning {
		w.state = stateDraining
	}
	w.mu.Unlock()
	if was != stateNew && was != stateRunning {
		return
	}
	w.drained.Store(true)
	w.core.Drain()
	if steps := w.steps.Load(); steps != nil {
		steps.Drain()
	}
	w.push(Frame{Type: FrameShutdown, Payload: []byte("{}")})
	w.end()
}

// afterStep has waiting polls look whether it was the last one.
func (w *worker) afterStep() {
	if w.drained.Load() {
		w.ready.raise()
	}
}

// WorkerStop drains, waits for the host and for the store, and ends the worker.
func (l *Library) WorkerStop(h uint64, timeoutMS int32) Reply {
	w, err := l.worker(h)
	if err != nil {
		return fail(err)
	}
	ctx, cancel := deadline(w.ctx, timeoutMS)
	defer cancel()
	w.drain()
	if err := w.enter(ctx); err != nil {
		return w.stopTimeout(err)
	}
	defer w.leave()
	if w.currentState() == stateStopped {
		return ok(w.summary())
	}
	if err := w.settled(ctx); err != nil {
		return w.stopTimeout(err)
	}
	last, cancelLast := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancelLast()
	if err := w.core.Stop(last); err != nil {
		w.setFailure(err)
		l.Logger().Error("the worker did not stop cleanly", "error", err)
	}
	w.setState(stateStopped)
	w.ready.raise()
	return ok(w.summary())
}

// stopGrace bounds what is left to do when nothing is under way any more.
const stopGrace = 10 * time.Second

func (w *worker) stopTimeout(err error) Reply {
	if errors.Is(err, context.DeadlineExceeded) {
		return Reply{Code: Timeout, Document: encode(w.summary())}
	}
	return fail(err)
}

// settled waits until the host holds no step and all results are stored.
func (w *worker) settled(ctx context.Context) error {
	steps := w.steps.Load()
	if steps == nil {
		return nil
	}
	select {
	case <-steps.Idle():
	case <-ctx.Done():
		return ctx.Err()
	}
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for w.core.InFlight() > 0 {
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// WorkerFree ends a worker at once.
func (l *Library) WorkerFree(h uint64) Reply {
	w, ok := l.workers.remove(handle(h), "freed")
	if !ok {
		_, err := l.worker(h)
		return fail(err)
	}
	w.handle.Store(0)
	w.free()
	w.room.free()
	l.tasks.run("end a freed worker", w.abandon)
	return Reply{}
}

// abandon ends the core of a freed worker, if that was not done. Nobody can end its steps any more: they are left to their
// lease.
func (w *worker) abandon() {
	w.turn <- struct{}{} // it is freed: whoever has the turn gives it up soon
	defer w.leave()
	if w.currentState() == stateStopped {
		return
	}
	w.core.Drain()
	if steps := w.steps.Load(); steps != nil {
		steps.Drain()
		steps.Abandon()
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	if err := w.core.Stop(ctx); err != nil {
		w.lib.Logger().Warn("a worker was freed before it had stopped", "error", err)
	}
	w.setState(stateStopped)
}
