package bridge

import (
	"context"
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

	drained atomic.Bool
	turn    chan struct{} // held by whoever changes the life of the worker
	// These are guarded by mu of the endpoint, and changed by who has the turn.
	state    workerState
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
	earlierCrash := false
	if cfg.CrashFile != "" {
		if earlierCrash, err = setCrashFile(cfg.CrashFile); err != nil {
			return 0, fail(err)
		}
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
	info["schema_version"], info["state"], info["earlier_crash"] = SchemaVersion, stateNew, earlierCrash
	return uint64(h), ok(info)
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
		ctx, cancel := context.WithTimeout(w.ctx, startTimeout)
		defer cancel()
		if err := w.core.Serve(ctx, all); err != nil {
			return fail(err)
		}
	case stateStopped:
		return fail(Errorf(EState, "the worker has stopped"))
	}
	w.mu.Lock()
	w.handlers = all
	w.mu.Unlock()
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
	ctx, cancel := context.WithTimeout(w.ctx, startTimeout)
	defer cancel()
	if err := w.core.Start(ctx, w.handlers, w.connect); err != nil {
		w.setFailure(err)
		return fail(err)
	}
	if w.setState(stateRunning); w.currentState() == stateDraining { // the drain came before there was anything to drain
		w.core.Drain()
		w.steps.Load().Drain()
	}
	return ok(map[string]any{"state": stateRunning, "handlers": w.handlers})
}

// startTimeout bounds the start, and changes of a worker that runs: the database has answered a moment ago.
const startTimeout = 30 * time.Second

// connect makes the channel with the bridge's hooks.
func (w *worker) connect(source dispatch.FfiEventSource, slots *dispatch.Slots, sink dispatch.CompletionSender, cfg dispatch.FfiConfig) *dispatch.FfiDispatchChannel {
	cfg.OnReady, cfg.OnRoom, cfg.OnHeld, cfg.OnGone = w.ready.raise, w.room.raise, w.hold, w.forget
	if cfg.Logger == nil {
		cfg.Logger = w.lib.Logger()
	}
	c := dispatch.NewFfiDispatchChannel(source, slots, sink, cfg)
	w.steps.Store(c)
	w.lib.tasks.run("adjust to the load", func() { w.lib.processors.serve(w.ctx, c) })
	return c
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

func (w *worker) setFailure(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failure = err
}

func (w *worker) setState(s workerState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state != stateDraining || s == stateStopped { // a drain during the start counts
		w.state = s
	}
}
