package bridge

import (
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// supervisor runs the bridge's goroutines. One that panics is logged: it must not end the host's process.
type supervisor struct {
	logger *slog.Logger
	panics atomic.Int64
	tasks  sync.WaitGroup
}

// run calls fn on a goroutine of its own.
func (s *supervisor) run(what string, fn func()) {
	s.tasks.Add(1)
	go func() {
		defer s.tasks.Done()
		s.guard(what, fn)
	}()
}

// guard calls fn, and returns what it panicked with, or nil.
func (s *supervisor) guard(what string, fn func()) (panicked any) {
	defer func() {
		if panicked = recover(); panicked != nil {
			s.panics.Add(1)
			s.logger.Error("a panic was caught in the bridge", "while", what, "panic", panicked, "stack", string(debug.Stack()))
		}
	}()
	fn()
	return nil
}
