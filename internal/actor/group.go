package actor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrStarted is returned by [Group.Start] while the group runs.
var ErrStarted = errors.New("the actors are already started")

// overtime is how long an actor may take to return after its context is done, so that it can say itself what it could
// not finish.
const overtime = time.Second

// GroupConfig tunes a [Group]; its zero value is ready to use.
type GroupConfig struct {
	// StopTimeout bounds each actor's Stopped; the group then goes on to the next. Defaults to 10 seconds.
	StopTimeout time.Duration
}

// Group starts actors in order and stops them in reverse, so that each may rely on those before it. It is safe for many
// goroutines: Start and Stop wait for one another.
type Group struct {
	stopTimeout time.Duration
	actors      []Actor

	mu      sync.Mutex
	started []Actor // in the order they started
}

// NewGroup returns the group of the given actors, in the order they are to start.
func NewGroup(cfg GroupConfig, actors ...Actor) *Group {
	if cfg.StopTimeout <= 0 {
		cfg.StopTimeout = 10 * time.Second
	}
	return &Group{stopTimeout: cfg.StopTimeout, actors: actors}
}

// Start starts the actors one after another. If one fails or panics, or ctx is done, those already started are stopped
// in reverse order and the error names the first cause and whatever went wrong in stopping. A group may be started
// again after Stop; while it runs Start returns [ErrStarted].
func (g *Group) Start(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.started) > 0 {
		return ErrStarted
	}
	for _, a := range g.actors {
		if err := start(ctx, a); err != nil {
			err = fmt.Errorf("start %s: %w", a.Name(), err)
			// What failed may be ctx itself; the actors that did start still get their full time to stop.
			return errors.Join(err, g.stop(context.WithoutCancel(ctx)))
		}
		g.started = append(g.started, a)
	}
	return nil
}

// Stop stops the started actors in reverse order and joins their errors; one that fails, panics or does not return in
// time does not keep the others from stopping. Each has StopTimeout, or until ctx is done if that is sooner, plus one
// second to return; then Stop leaves it behind. Every actor is told to stop even if ctx is done already. Once all are
// stopped, Stop does nothing and returns nil.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stop(ctx)
}

func (g *Group) stop(ctx context.Context) error {
	var errs []error
	for n := len(g.started); n > 0; n = len(g.started) {
		last := g.started[n-1]
		g.started = g.started[:n-1]
		if err := g.stopOne(ctx, last); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", last.Name(), err))
		}
	}
	return errors.Join(errs...)
}

// stopOne runs Stopped on a goroutine of its own, because the only way to survive one that never returns is to leave.
func (g *Group) stopOne(ctx context.Context, a Actor) error {
	ctx, cancel := context.WithTimeout(ctx, g.stopTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- caught(ctx, a, a.Stopped) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(overtime)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("left behind, it did not return: %w", ctx.Err())
	}
}

func start(ctx context.Context, a Actor) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return caught(ctx, a, a.Started)
}

// caught runs one step of a's lifecycle and turns a panic into an error.
func caught(ctx context.Context, a Actor, step func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(ctx, a.Name(), v)
		}
	}()
	return step(ctx)
}
