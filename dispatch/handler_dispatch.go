package dispatch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Config tunes a [HandlerDispatchService]; the zero value is ready to use.
type Config struct {
	// DispatchBufferSize is the room of the dispatch channel. Defaults to 1000.
	DispatchBufferSize int
	// HandlerTimeout bounds attempts whose template names no timeout. Defaults to 30 seconds.
	HandlerTimeout time.Duration
	// Limits bound what a handler may return.
	Limits payload.Limits
	// Checkpoints keeps checkpoints; nil means that there are none.
	Checkpoints CheckpointStore
	// WorkerName is kept with results.
	WorkerName string
}

// HandlerDispatchService runs Go handlers, as many at once as there are slots, each in a goroutine that runs nothing else
// meanwhile. A panic, a timeout or a missing handler becomes a failed result; nothing a handler does ends the process.
type HandlerDispatchService struct {
	cfg      Config
	registry sdk.StepHandlerRegistry
	slots    *Slots
	sink     CompletionSender
	attempts chan *attempt // for idle runners

	mu       sync.Mutex
	idle     int // runners that no attempt is on the way to
	stopping bool
	running  map[*attempt]struct{}
	runners  sync.WaitGroup
}

// NewHandlerDispatchService makes a service that is ready to run steps. Stop it with [HandlerDispatchService.Stop].
func NewHandlerDispatchService(registry sdk.StepHandlerRegistry, slots *Slots, sink CompletionSender, cfg Config) *HandlerDispatchService {
	if cfg.DispatchBufferSize <= 0 {
		cfg.DispatchBufferSize = 1000
	}
	if cfg.HandlerTimeout <= 0 {
		cfg.HandlerTimeout = 30 * time.Second
	}
	return &HandlerDispatchService{
		cfg: cfg, registry: registry, slots: slots, sink: sink,
		attempts: make(chan *attempt, max(cfg.DispatchBufferSize, slots.Size())),
		running:  map[*attempt]struct{}{},
	}
}

// Dispatch has a step run whose slot is held: by the runner whose turn ctx holds, by an idle one, or by a new one. It does
// not wait: there is as much room as there are slots. What comes before Stop is run; what comes after it is given back.
func (s *HandlerDispatchService) Dispatch(ctx context.Context, m *DispatchHandlerMessage) {
	a := &attempt{service: s, message: m}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		go s.release(m) // which may wait
		return
	}
	s.running[a] = struct{}{}
	switch {
	case turnOf(ctx).take(a):
	case s.idle > 0:
		s.idle--
		s.attempts <- a
	default:
		s.runners.Add(1)
		go s.run(a)
	}
}

// run is a runner: it runs a step, what its result leads to, and steps that come later. The goroutine stays, since a new one
// would begin with a stack too small for handlers.
func (s *HandlerDispatchService) run(a *attempt) {
	defer s.runners.Done()
	for open := true; open; a, open = <-s.attempts {
		for a != nil {
			a = a.run()
		}
		s.mu.Lock()
		s.idle++
		s.mu.Unlock()
	}
}

// release gives back a step that was not started.
func (s *HandlerDispatchService) release(m *DispatchHandlerMessage) {
	m.slot.give()
	s.sink.Send(&Completion{Message: m, Released: true})
}

// Stop takes no further step: those that come are given back. Handlers that run may finish until ctx is done; then they are
// cancelled, and after another grace the attempts of those that still run are given back. A handler that never returns is
// left behind, and counted in the error.
func (s *HandlerDispatchService) Stop(ctx context.Context, grace time.Duration) error {
	s.mu.Lock()
	if !s.stopping {
		s.stopping = true
		close(s.attempts)
	}
	s.mu.Unlock()
	back := make(chan struct{})
	go func() { s.runners.Wait(); close(back) }()
	select {
	case <-back:
		return nil
	case <-ctx.Done():
	}
	for _, a := range s.unfinished() {
		a.message.Cancel(ErrShutdown)
	}
	select {
	case <-back:
		return nil
	case <-time.After(grace):
	}
	left := s.unfinished()
	if len(left) == 0 {
		return nil // the results of the last are on their way
	}
	for _, a := range left {
		a.send(&Completion{Message: a.message, Released: true})
	}
	return fmt.Errorf("%d handlers did not stop when they were cancelled; their steps will run again", len(left))
}

func (s *HandlerDispatchService) stops() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

func (s *HandlerDispatchService) unfinished() []*attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*attempt, 0, len(s.running))
	for a := range s.running {
		all = append(all, a)
	}
	return all
}

// call finds the handler and calls it, again after each checkpoint. anew starts its time; false means that the time was up
// already. It does not catch panics.
func (s *HandlerDispatchService) call(ctx context.Context, m *DispatchHandlerMessage, anew func() bool) *sdk.StepExecutionResult {
	handle, err := s.resolve(m)
	if err != nil {
		return Failed(m.Key, err)
	}
	for step := m.Step; ; {
		result, err := handle(ctx, step)
		if err != nil {
			return Failed(m.Key, err)
		}
		if result.Yields() == nil {
			return Succeeded(m.Key, result, s.cfg.Limits)
		}
		var failed *sdk.StepExecutionResult
		if step, failed = s.yield(ctx, m, step, result.Yields()); failed != nil {
			return failed
		}
		if s.stops() {
			m.Cancel(ErrShutdown) // what is left of the step is for the next worker
		}
		if ctx.Err() != nil || !anew() {
			return Failed(m.Key, sdk.Retryable(context.Cause(ctx)))
		}
	}
}

// explicitMapping is the resolver that Go workers have: their registry maps names to handlers.
const explicitMapping = "explicit_mapping"

func (s *HandlerDispatchService) resolve(m *DispatchHandlerMessage) (sdk.HandlerFunc, error) {
	if m.Resolver != "" && m.Resolver != explicitMapping {
		return nil, sdk.Permanent(fmt.Errorf("Handler not found: %s is to be found by the resolver %q, but in Go there is only %s",
			m.Handler, m.Resolver, explicitMapping), sdk.WithType(sdk.ErrTypeHandlerNotFound))
	}
	h, ok := s.registry.GetHandler(m.Handler)
	if !ok {
		return nil, HandlerNotFound(m.Handler)
	}
	if m.Method == "" || m.Method == "call" || m.Method == "handle" {
		return h.Handle, nil
	}
	methods, ok := h.(sdk.MethodHandler)
	if ok {
		if f, ok := methods.Methods()[m.Method]; ok {
			return f, nil
		}
	}
	return nil, sdk.Permanent(fmt.Errorf("Handler not found: %s has no method %q", m.Handler, m.Method), sdk.WithType(sdk.ErrTypeHandlerNotFound))
}

// HandlerNotFound is the permanent failure of a step whose handler nobody has.
func HandlerNotFound(handler string) error {
	return sdk.Permanent(fmt.Errorf("Handler not found: %s", handler), sdk.WithType(sdk.ErrTypeHandlerNotFound))
}
