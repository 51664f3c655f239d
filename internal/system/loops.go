package system

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// loops are the goroutines that a core runs from start to stop. One that panics is started again.
type loops struct {
	logger *slog.Logger
	ctx    context.Context
	stop   context.CancelFunc
	done   sync.WaitGroup
}

func newLoops(logger *slog.Logger) *loops {
	l := &loops{logger: logger}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

func (l *loops) run(name string, loop func(context.Context)) {
	l.done.Add(1)
	go func() {
		defer l.done.Done()
		for l.ctx.Err() == nil && !l.survived(name, loop) {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-l.ctx.Done():
			}
		}
	}()
}

func (l *loops) survived(name string, loop func(context.Context)) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			l.logger.Error("a loop of the engine panicked and is started again", "loop", name, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	loop(l.ctx)
	return true
}

// end stops all loops and waits for them.
func (l *loops) end() {
	l.stop()
	l.done.Wait()
}
