package dispatch_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/sdk"
)

// store is a sink that accepts results, unless it is told otherwise.
type store struct {
	mu       sync.Mutex
	accepted []*dispatch.Completion
	refuse   func(batch []*dispatch.Completion) error
	then     func(ctx context.Context, batch []*dispatch.Completion) // may be nil
	use      int
	arrived  chan struct{}
}

func newStore() *store { return &store{arrived: make(chan struct{}, 10_000)} }

func (s *store) AcceptResults(ctx context.Context, batch []*dispatch.Completion, slots int) (int, error) {
	s.mu.Lock()
	if s.refuse != nil {
		if err := s.refuse(batch); err != nil {
			s.mu.Unlock()
			return 0, err
		}
	}
	s.accepted = append(s.accepted, batch...)
	s.mu.Unlock()
	if s.then != nil {
		s.then(ctx, batch)
	}
	for range batch {
		s.arrived <- struct{}{}
	}
	return min(s.use, slots), nil
}

func (s *store) all() []*dispatch.Completion {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*dispatch.Completion(nil), s.accepted...)
}

type bench struct {
	t         *testing.T
	store     *store
	slots     *dispatch.Slots
	registry  *sdk.Registry
	results   *dispatch.CompletionProcessorService
	handlers  *dispatch.HandlerDispatchService
	callbacks atomic.Int32
	next      int32
}

func (b *bench) OnHandlerComplete(*dispatch.Completion) { b.callbacks.Add(1) }

func newBench(t *testing.T, slots int) *bench {
	b := &bench{t: t, store: newStore(), slots: dispatch.NewSlots(slots), registry: sdk.NewRegistry()}
	b.results = dispatch.NewCompletionProcessorService(b.store, b.slots, dispatch.CompletionConfig{Callback: b, Logger: slog.New(slog.DiscardHandler)})
	b.handlers = dispatch.NewHandlerDispatchService(b.registry, b.slots, b.results, dispatch.Config{WorkerName: "w"})
	return b
}

// run takes a slot and dispatches one attempt to the handler.
func (b *bench) run(handler string, timeout time.Duration) *dispatch.DispatchHandlerMessage {
	require.NoError(b.t, b.slots.Acquire(b.t.Context()))
	m := b.message(handler, timeout)
	b.handlers.Dispatch(b.t.Context(), m)
	return m
}

func (b *bench) message(handler string, timeout time.Duration) *dispatch.DispatchHandlerMessage {
	b.next++
	return &dispatch.DispatchHandlerMessage{
		Key: dispatch.StepKey{TaskUUID: sdk.NewUUID(), StepNo: b.next, Attempt: 1}, Handler: handler, Timeout: timeout,
		Step: sdk.NewStepContext(sdk.StepData{StepName: handler, Attempt: 1}),
	}
}

func (b *bench) result() *sdk.StepExecutionResult {
	<-b.store.arrived
	all := b.store.all()
	return all[len(all)-1].Result
}

func (b *bench) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(b.t, b.handlers.Stop(ctx, time.Second))
	require.NoError(b.t, b.results.Stop(ctx))
}

func BenchmarkDispatchAndCompletion(b *testing.B) {
	slots := dispatch.NewSlots(256)
	results := dispatch.NewCompletionProcessorService(discard{}, slots, dispatch.CompletionConfig{})
	registry := sdk.NewRegistry()
	value := json.RawMessage(`{"result":49}`)
	registry.RegisterFunc("noop", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success(value), nil })
	handlers := dispatch.NewHandlerDispatchService(registry, slots, results, dispatch.Config{})
	step := sdk.NewStepContext(sdk.StepData{})
	b.ReportAllocs()
	for b.Loop() {
		_ = slots.Acquire(b.Context())
		handlers.Dispatch(b.Context(), &dispatch.DispatchHandlerMessage{Handler: "noop", Step: step})
	}
	_ = handlers.Stop(context.Background(), time.Second)
	_ = results.Stop(context.Background())
}

type discard struct{}

func (discard) AcceptResults(context.Context, []*dispatch.Completion, int) (int, error) {
	return 0, nil
}
