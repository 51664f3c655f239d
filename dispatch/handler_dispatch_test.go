package dispatch_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/sdk"
)

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
