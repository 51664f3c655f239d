package dispatch_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/sdk"
)

// leads has the result of the named handler lead to further steps, on slots that the test takes for them.
func (b *bench) leads(from string, to ...string) {
	b.store.then = func(ctx context.Context, batch []*dispatch.Completion) {
		for _, c := range batch {
			if c.Message.Handler != from || c.Released {
				continue
			}
			for _, handler := range to {
				require.NoError(b.t, b.slots.Acquire(ctx))
				b.handlers.Dispatch(ctx, b.message(handler, time.Hour))
			}
		}
	}
}

// starts registers a handler that tells when it starts.
func (b *bench) starts(name string) (started chan struct{}) {
	started = make(chan struct{}, 10)
	b.registry.RegisterFunc(name, func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
		started <- struct{}{}
		return sdk.Success(name), nil
	})
	return started
}

func TestARunnerGoesOnWithTheFirstStepThatItsResultLeadsTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 8)
		b.starts("first")
		second, third := b.starts("second"), b.starts("third")
		b.leads("first", "second", "third")
		lead := b.store.then
		b.store.then = func(ctx context.Context, batch []*dispatch.Completion) {
			lead(ctx, batch)
			if batch[0].Message.Handler == "first" {
				time.Sleep(time.Second)
				require.Empty(t, second, "its runner is still busy")
				require.Len(t, third, 1, "another one has it")
			}
		}
		b.run("first", 0)
		time.Sleep(time.Minute)
		require.Len(t, second, 1)
		require.Len(t, b.store.all(), 3)
		require.Zero(t, b.slots.InUse())
		b.stop()
	})
}

func TestARunnerIsNotHeldByADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2)
		away := true
		b.store.refuse = func([]*dispatch.Completion) error {
			if away {
				return errors.New("the database is away")
			}
			return nil
		}
		b.starts("first")
		b.starts("second")
		b.leads("first", "second")
		b.run("first", 0)
		synctest.Wait()
		require.NoError(t, b.handlers.Stop(t.Context(), time.Second), "no handler runs")
		b.store.mu.Lock()
		away = false
		b.store.mu.Unlock()
		require.NoError(t, b.results.Stop(t.Context()))
		ends := map[string]bool{}
		for _, c := range b.store.all() {
			ends[c.Message.Handler] = c.Released
		}
		require.Equal(t, map[string]bool{"first": false}, ends, "what comes after the end is left to its lease")
	})
}

func TestAStepThatComesWhileTheServiceStopsIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 4)
		second := b.starts("second")
		b.starts("first")
		b.leads("first", "second", "second")
		lead := b.store.then
		stopped := make(chan error, 1)
		b.store.then = func(ctx context.Context, batch []*dispatch.Completion) {
			if batch[0].Message.Handler == "first" {
				go func() { stopped <- b.handlers.Stop(t.Context(), time.Second) }()
				time.Sleep(time.Second)
			}
			lead(ctx, batch)
		}
		b.run("first", 0)
		require.NoError(t, <-stopped)
		synctest.Wait()
		require.Empty(t, second)
		all := b.store.all()
		require.Len(t, all, 3)
		for _, c := range all {
			require.Equal(t, c.Message.Handler == "second", c.Released)
		}
		require.Zero(t, b.slots.InUse())
		b.stop()
	})
}

func TestAHandlerThatEndsItsGoroutineTakesNoOtherStepWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 4)
		b.registry.RegisterFunc("leaves", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
			runtime.Goexit()
			return sdk.StepResult{}, nil
		})
		second := b.starts("second")
		b.leads("leaves", "second")
		b.run("leaves", 0)
		synctest.Wait()
		require.Len(t, second, 1)
		require.Zero(t, b.slots.InUse())
		b.stop()
	})
}
