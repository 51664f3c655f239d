package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
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

func TestAHandlersValueBecomesTheStepsResult(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2)
	defer b.stop()
	b.registry.Register("greet", sdk.Typed(func(context.Context, struct{}, *sdk.StepContext) (map[string]string, error) {
		return map[string]string{"hello": "<you>"}, nil
	}))
	b.run("greet", 0)
	r := b.result()
	require.True(t, r.Success)
	require.Equal(t, `{"hello":"<you>"}`, string(r.Result))
	require.Equal(t, "w", r.Metadata.WorkerID)
	require.NotNil(t, r.Metadata.StartedAt)
}

func TestWhatGoesWrongInAHandlerBecomesAFailedResult(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handler   sdk.HandlerFunc
		kind      string
		retryable bool
		message   string
	}{
		"an error is retried": {
			func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
				return sdk.StepResult{}, errors.New("no route")
			},
			sdk.ErrTypeHandler, true, "no route",
		},
		"a permanent error is not": {
			func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
				return sdk.StepResult{}, sdk.Permanentf("card %s", "refused")
			},
			sdk.ErrTypePermanent, false, "card refused",
		},
		"a panic is not retried": {
			func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { panic("boom") },
			sdk.ErrTypeHandlerPanic, false, "Handler panicked: boom",
		},
		"Goexit is a panic": {
			func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
				runtime.Goexit()
				return sdk.StepResult{}, nil
			},
			sdk.ErrTypeHandlerPanic, false, "Handler panicked: runtime.Goexit was called",
		},
		"a result that is no JSON is refused": {
			func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
				return sdk.Success(make(chan int)), nil
			},
			sdk.ErrTypeResultRefused, false, "the step's result cannot be stored",
		},
		"a result that PostgreSQL cannot store is refused": {
			func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
				return sdk.Success(map[string]string{"a": "\x00"}), nil
			},
			sdk.ErrTypeResultRefused, false, "the step's result cannot be stored",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 1)
			defer b.stop()
			b.registry.RegisterFunc("h", tt.handler)
			b.run("h", 0)
			r := b.result()
			require.False(t, r.Success)
			require.Equal(t, tt.kind, r.Error.ErrorType)
			require.Equal(t, tt.kind, r.Metadata.ErrorType)
			require.Equal(t, tt.retryable, r.Metadata.Retryable)
			require.Contains(t, r.Error.Message, tt.message)
			require.Equal(t, kindHasBacktrace(tt.kind), len(r.Error.Backtrace) > 0)
		})
	}
}

func kindHasBacktrace(kind string) bool { return kind == sdk.ErrTypeHandlerPanic }

func TestAnUnknownHandlerOrMethodFailsForGood(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	defer b.stop()
	b.run("nobody", 0)
	r := b.result()
	require.Equal(t, sdk.ErrTypeHandlerNotFound, r.Error.ErrorType)
	require.Equal(t, "Handler not found: nobody", r.Error.Message)
	require.False(t, r.Metadata.Retryable)
}

type till struct{}

func (till) Handle(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
	return sdk.Success("handle"), nil
}
func (till) Methods() map[string]sdk.HandlerFunc {
	return map[string]sdk.HandlerFunc{"refund": func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success("refund"), nil }}
}

func TestTheTemplatesMethodPicksTheEntryOfAHandler(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	defer b.stop()
	b.registry.Register("till", till{})
	for method, want := range map[string]string{"": `"handle"`, "call": `"handle"`, "refund": `"refund"`, "rob": "{}"} {
		require.NoError(t, b.slots.Acquire(t.Context()))
		b.handlers.Dispatch(t.Context(), &dispatch.DispatchHandlerMessage{
			Key: dispatch.StepKey{TaskUUID: sdk.NewUUID()}, Handler: "till", Method: method, Step: sdk.NewStepContext(sdk.StepData{}),
		})
		r := b.result()
		require.Equal(t, want, string(r.Result), "method %q", method)
		require.Equal(t, method != "rob", r.Success)
	}
}

// D12: never more handlers at once than there are slots.
func TestNoMoreHandlersRunThanThereAreSlots(t *testing.T) {
	t.Parallel()
	const slots, steps = 3, 60
	b := newBench(t, slots)
	defer b.stop()
	var running, most atomic.Int32
	b.registry.RegisterFunc("h", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
		n := running.Add(1)
		defer running.Add(-1)
		for {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		runtime.Gosched()
		return sdk.StepResult{}, nil
	})
	for range steps {
		b.run("h", 0)
	}
	for range steps {
		<-b.store.arrived
	}
	require.LessOrEqual(t, most.Load(), int32(slots))
}

// I1: a step holds one slot from before its claim until its result is accepted.
func TestI1AStepHoldsItsSlotUntilItsResultIsAccepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1)
		away := true
		b.store.refuse = func([]*dispatch.Completion) error {
			if away {
				return errors.New("the database is away")
			}
			return nil
		}
		b.registry.RegisterFunc("h", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.StepResult{}, nil })
		b.run("h", 0)
		time.Sleep(time.Minute)
		require.Equal(t, 1, b.slots.InUse(), "its result is not accepted yet")
		require.Empty(t, b.store.all())
		require.Zero(t, b.callbacks.Load(), "I3: nobody hears of a result before it is accepted")
		b.store.mu.Lock()
		away = false
		b.store.mu.Unlock()
		time.Sleep(time.Minute)
		require.Zero(t, b.slots.InUse())
		require.Len(t, b.store.all(), 1, "it was kept and accepted once")
		require.Equal(t, int32(1), b.callbacks.Load())
		b.stop()
	})
}

func TestAHandlerThatOutlivesItsTimeIsReportedAndKeepsItsSlotUntilItReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1)
		release := make(chan struct{})
		var cause error
		b.registry.RegisterFunc("hang", func(ctx context.Context, _ *sdk.StepContext) (sdk.StepResult, error) {
			<-release
			cause = context.Cause(ctx)
			return sdk.Success("too late"), nil
		})
		b.run("hang", time.Second)
		time.Sleep(2 * time.Second)
		r := b.result()
		require.Equal(t, sdk.ErrTypeHandlerTimeout, r.Error.ErrorType)
		require.True(t, r.Metadata.Retryable)
		require.Equal(t, int64(1000), r.Error.Context["timeout_ms"])
		require.Equal(t, 1, b.slots.InUse(), "the handler still runs")
		close(release)
		synctest.Wait()
		require.ErrorIs(t, cause, dispatch.ErrTimeout)
		require.Zero(t, b.slots.InUse())
		require.Len(t, b.store.all(), 1, "what it returned in the end is not sent")
		b.stop()
	})
}

func TestACancelledStepsHandlerIsToldWhyAndWhetherOrNotItHasStarted(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2)
	defer b.stop()
	started := make(chan struct{})
	b.registry.RegisterFunc("wait", func(ctx context.Context, _ *sdk.StepContext) (sdk.StepResult, error) {
		started <- struct{}{}
		<-ctx.Done()
		return sdk.StepResult{}, context.Cause(ctx)
	})
	m := b.run("wait", 0)
	<-started
	m.Cancel(dispatch.ErrCancelled)
	require.Contains(t, b.result().Error.Message, "cancelled")

	require.NoError(t, b.slots.Acquire(t.Context()))
	early := &dispatch.DispatchHandlerMessage{Key: dispatch.StepKey{TaskUUID: sdk.NewUUID()}, Handler: "wait", Step: sdk.NewStepContext(sdk.StepData{})}
	early.Cancel(dispatch.ErrCancelled)
	b.handlers.Dispatch(t.Context(), early)
	<-started
	require.Contains(t, b.result().Error.Message, "cancelled")
}

func TestAHandlerCancelledByALostLeaseGivesItsAttemptBackUnusedUnlessItSucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2)
		for name, err := range map[string]error{"polite": errors.New("stopped"), "stubborn": nil} {
			b.registry.RegisterFunc(name, func(ctx context.Context, _ *sdk.StepContext) (sdk.StepResult, error) {
				<-ctx.Done()
				return sdk.Success(name), err
			})
			b.run(name, time.Hour).Cancel(dispatch.ErrLeaseLost)
		}
		synctest.Wait()
		b.stop()
		all := b.store.all()
		require.Len(t, all, 2)
		for _, c := range all {
			require.Equal(t, c.Message.Handler == "polite", c.Released)
		}
	})
}

func TestStopLetsHandlersFinishAndGivesBackWhatWasNotStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 4)
		b.registry.RegisterFunc("second", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
			time.Sleep(time.Second)
			return sdk.Success("done"), nil
		})
		b.run("second", 0)
		synctest.Wait()
		b.stop()
		require.Len(t, b.store.all(), 1)
		require.True(t, b.store.all()[0].Result.Success)
		require.Zero(t, b.slots.InUse())
	})
}

func TestAHandlerCancelledByTheStopGivesItsAttemptBackUnused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.registry.RegisterFunc("polite", func(ctx context.Context, _ *sdk.StepContext) (sdk.StepResult, error) {
			<-ctx.Done()
			return sdk.StepResult{}, ctx.Err()
		})
		rude := make(chan struct{})
		b.registry.RegisterFunc("rude", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
			<-rude
			return sdk.StepResult{}, nil
		})
		b.run("polite", time.Hour)
		b.run("rude", time.Hour)
		synctest.Wait()
		drain, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := b.handlers.Stop(drain, time.Second)
		require.ErrorContains(t, err, "1 handlers did not stop")
		require.NoError(t, b.results.Stop(t.Context()))
		all := b.store.all()
		require.Len(t, all, 2)
		for _, c := range all {
			require.True(t, c.Released)
		}
		close(rude)
	})
}

func TestAResultTheDatabaseRefusesBecomesAPermanentFailureAndHarmsNoOther(t *testing.T) {
	t.Parallel()
	b := newBench(t, 8)
	defer b.stop()
	b.store.refuse = func(batch []*dispatch.Completion) error {
		for _, c := range batch {
			if string(c.Result.Result) == `"bad"` {
				return &dispatch.RefusedError{Err: errors.New("invalid byte sequence")}
			}
		}
		return nil
	}
	b.registry.RegisterFunc("good", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success("good"), nil })
	b.registry.RegisterFunc("bad", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success("bad"), nil })
	for range 3 {
		b.run("good", 0)
		b.run("bad", 0)
	}
	for range 6 {
		<-b.store.arrived
	}
	good, bad := 0, 0
	for _, c := range b.store.all() {
		if c.Result.Success {
			good++
			continue
		}
		bad++
		require.Equal(t, sdk.ErrTypeResultRefused, c.Result.Error.ErrorType)
		require.Contains(t, c.Result.Error.Message, "invalid byte sequence")
	}
	require.Equal(t, 3, good)
	require.Equal(t, 3, bad)
}

func TestStopGivesUpResultsOnlyWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.store.refuse = func([]*dispatch.Completion) error { return errors.New("the database is away") }
		b.registry.RegisterFunc("h", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.StepResult{}, nil })
		b.run("h", 0)
		synctest.Wait()
		require.NoError(t, b.handlers.Stop(t.Context(), time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		require.ErrorContains(t, b.results.Stop(ctx), "given up")
		require.Equal(t, 1, b.slots.InUse(), "the attempt is still leased")
	})
}

func TestSlotsThatFurtherStepsUseAreNotGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.store.use = 1
		b.registry.RegisterFunc("h", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.StepResult{}, nil })
		b.run("h", 0)
		synctest.Wait()
		require.Equal(t, 1, b.slots.InUse())
		b.slots.Release(1)
		b.stop()
	})
}

func TestSlotsAreTakenAsFarAsTheyGo(t *testing.T) {
	t.Parallel()
	s := dispatch.NewSlots(5)
	require.Equal(t, 3, s.TryAcquire(3))
	require.Equal(t, 2, s.TryAcquire(10))
	require.Zero(t, s.TryAcquire(1))
	require.Zero(t, s.TryAcquire(-1))
	s.Release(5)
	require.Zero(t, s.InUse())
	require.Equal(t, 5, s.Size())
}

func TestAnErrorWithRetryAfterBecomesABackoffHint(t *testing.T) {
	t.Parallel()
	r := dispatch.Failed(dispatch.StepKey{}, sdk.Retryable(errors.New("busy"), sdk.RetryAfter(1500*time.Millisecond), sdk.WithCode("429")))
	require.Equal(t, uint32(2), r.OrchestrationMetadata.BackoffHint.DelaySeconds)
	require.Equal(t, "ServerRequested", r.OrchestrationMetadata.BackoffHint.BackoffType)
	require.Equal(t, "429", r.Metadata.ErrorCode)
}

func TestARawResultIsKeptByteForByte(t *testing.T) {
	t.Parallel()
	raw := json.RawMessage(`{"n": 9007199254740993, "z": 1, "a": 2}`)
	r := dispatch.Succeeded(dispatch.StepKey{}, sdk.Success(raw), payload.Limits{})
	require.Equal(t, string(raw), string(r.Result))
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
