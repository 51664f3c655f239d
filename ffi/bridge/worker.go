package bridge

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
)

// worker is what a worker's handle stands for.
type worker struct {
	*endpoint
	handle atomic.Uint64 // 0 once it is freed
	core   Core
	limits payload.Limits
	room   *signal

	drained  atomic.Bool
	turn     chan struct{} // held by whoever changes the life of the worker
	state    workerState   // guarded by mu of the endpoint
	handlers []string
	failure  error // why the last start or stop went wrong
}

type workerState string

const (
	stateNew      workerState = "new"
	stateRunning  workerState = "running"
	stateDraining workerState = "draining"
	stateStopped  workerState = "stopped"
)

// WorkerNew opens a worker that does not claim yet.
func (l *Library) WorkerNew(config []byte, environ []string, timeoutMS int32) (uint64, Reply) {
	cfg, err := decodeConfig(config)
	if err != nil {
		return 0, fail(err)
	}
	w := &worker{endpoint: newEndpoint(l), room: l.newSignal(), turn: make(chan struct{}, 1), state: stateNew, handlers: append([]string{}, cfg.Handlers...)}
	if _, err := w.ready.descriptor(); err != nil {
		return 0, fail(err)
	}
	setup := Setup{Config: cfg, Environ: environ, Logger: l.Logger(), SetLogLevel: l.SetLogLevel, Events: w.emit}
	w.core, err = open(w.ctx, l, timeoutMS, func(ctx context.Context) (Core, error) { return l.opts.OpenWorker(ctx, setup) },
		func(late Core) { _ = late.Stop(w.ctx) })
	if err != nil {
		w.free()
		return 0, fail(err)
	}
	w.caller, w.limits = w.core, w.core.Limits()
	h := l.workers.put(w)
	w.handle.Store(uint64(h))
	info := w.core.Info()
	info["schema_version"], info["state"] = SchemaVersion, stateNew
	return uint64(h), ok(info)
}

// open calls fn but keeps the deadline, even if fn does not. What comes too late is dropped.
func open[T any](parent context.Context, l *Library, timeoutMS int32, fn func(context.Context) (T, error), drop func(T)) (T, error) {
	type opened struct {
		value T
		err   error
	}
	ctx, cancel := deadline(parent, timeoutMS)
	done := make(chan opened, 1)
	l.tasks.run("open", func() {
		var o opened
		if p := l.tasks.guard("open", func() { o.value, o.err = fn(ctx) }); p != nil {
			o.err = Errorf(EPanic, "open: %v", p)
		}
		done <- o
	})
	select {
	case o := <-done:
		cancel()
		return o.value, o.err
	case <-ctx.Done():
	}
	l.tasks.run("drop what was opened too late", func() {
		defer cancel()
		if o := <-done; o.err == nil {
			drop(o.value)
		}
	})
	var none T
	return none, Errorf(EDeadline, "not ready within %d ms", timeoutMS)
}

// WorkerRegister adds handlers that the host serves.
func (l *Library) WorkerRegister(h uint64, raw []byte) Reply {
	w, err := l.worker(h)
	if err != nil {
		return fail(err)
	}
	names, err := decodeHandlers(raw)
	if err != nil {
		return fail(err)
	}
	if err := w.enter(w.ctx); err != nil {
		return fail(err)
	}
	defer w.leave()
	all := slices.Concat(w.handlers, names)
	slices.Sort(all)
	all = slices.Compact(all)
	switch w.currentState() {
	case stateRunning:
		if err := w.core.Serve(w.ctx, all); err != nil {
			return fail(err)
		}
	case stateStopped:
		return fail(Errorf(EState, "the worker has stopped"))
	}
	w.handlers = all
	return ok(map[string]any{"handlers": all})
}

// WorkerStart begins to claim.
func (l *Library) WorkerStart(h uint64) Reply {
	w, err := l.worker(h)
	if err != nil {
		return fail(err)
	}
	if err := w.enter(w.ctx); err != nil {
		return fail(err)
	}
	defer w.leave()
	if s := w.currentState(); s != stateNew {
		return fail(Errorf(EState, "the worker is %s: it can be started once", s).With("state", s))
	}
	if err := w.core.Start(w.ctx, w.handlers, w.connect); err != nil {
		w.failure = err
		return fail(err)
	}
	if w.setState(stateRunning); w.currentState() == stateDraining { // the drain came before there was anything to drain
		w.core.Drain()
		w.steps.Load().Drain()
	}
	return ok(map[string]any{"state": stateRunning, "handlers": w.handlers})
}

// connect makes the channel with the bridge's hooks.
func (w *worker) connect(source dispatch.FfiEventSource, slots *dispatch.Slots, sink dispatch.CompletionSender, cfg dispatch.FfiConfig) *dispatch.FfiDispatchChannel {
	cfg.OnReady, cfg.OnRoom, cfg.OnHeld, cfg.OnGone = w.ready.raise, w.room.raise, w.hold, w.forget
	if cfg.Logger == nil {
		cfg.Logger = w.lib.Logger()
	}
	c := dispatch.NewFfiDispatchChannel(source, slots, sink, cfg)
	w.steps.Store(c)
	return c
}

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
	if w.failure = w.core.Stop(last); w.failure != nil {
		l.Logger().Error("the worker did not stop cleanly", "error", w.failure)
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

// abandon ends the core of a freed worker, if that was not done.
func (w *worker) abandon() {
	w.turn <- struct{}{} // it is freed: whoever has the turn gives it up soon
	defer w.leave()
	if w.currentState() == stateStopped {
		return
	}
	w.core.Drain()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.core.Stop(ctx); err != nil {
		w.lib.Logger().Warn("a worker was freed before it had stopped", "error", err)
	}
	w.setState(stateStopped)
}

// enter waits for the turn to change the worker's life.
func (w *worker) enter(ctx context.Context) error {
	select {
	case w.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *worker) leave() { <-w.turn }

func (w *worker) currentState() workerState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

func (w *worker) setState(s workerState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state != stateDraining || s == stateStopped { // a drain during the start counts
		w.state = s
	}
}
