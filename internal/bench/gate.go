package bench

import (
	"context"
	"sync"
)

// gate lets a number of steps pass and holds back all further ones. Held steps keep their slots, so that a worker with
// work enough comes to a stand when they are as many as its slots: by then all that has passed has been stored.
type gate struct {
	slots int

	mu     sync.Mutex
	left   int // steps that may still pass
	held   int
	opened chan struct{} // closed, and made anew, when steps may pass again
	still  chan struct{} // closed, and made anew, when all slots are held
	ended  bool
}

func newGate(slots int) *gate {
	return &gate{slots: slots, opened: make(chan struct{}), still: make(chan struct{})}
}

// pass returns when the step may run, or is told to stop.
func (g *gate) pass(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.left == 0 && !g.ended && ctx.Err() == nil {
		g.hold(ctx)
	}
	g.left = max(g.left-1, 0)
}

// hold waits without the lock.
func (g *gate) hold(ctx context.Context) {
	if g.held++; g.held == g.slots {
		close(g.still)
		g.still = make(chan struct{})
	}
	opened := g.opened
	g.mu.Unlock()
	select {
	case <-opened:
	case <-ctx.Done():
	}
	g.mu.Lock()
	g.held--
}

// let has n steps pass, and returns once the worker has come to a stand after them.
func (g *gate) let(ctx context.Context, n int) error {
	g.mu.Lock()
	g.left = n
	still := g.still
	g.open()
	g.mu.Unlock()
	select {
	case <-still:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end lets everything pass from now on.
func (g *gate) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.open()
}

func (g *gate) open() {
	close(g.opened)
	g.opened = make(chan struct{})
}
