package bridge

import (
	"context"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/sdk"
)

// plain is a source of events and a sink of results.
type plain struct{}

func (plain) StepEvent(context.Context, *dispatch.FfiStepEvent) ([]byte, error) {
	return []byte("{}"), nil
}
func (plain) Send(*dispatch.Completion)                           {}
func (plain) TrySend(batch []*dispatch.Completion) int            { return len(batch) }
func (plain) Watch(*dispatch.FfiDispatchChannel) *dispatch.Answer { return nil }

func TestThereAreProcessorsToSpareWhileFewStepsAreUnderWay(t *testing.T) {
	was, set := os.LookupEnv("GOMAXPROCS")
	require.NoError(t, os.Unsetenv("GOMAXPROCS"))
	byDefault := runtime.GOMAXPROCS(0)
	t.Cleanup(func() {
		if set {
			require.NoError(t, os.Setenv("GOMAXPROCS", was))
		}
		runtime.GOMAXPROCS(byDefault)
	})
	runtime.SetDefaultGOMAXPROCS()
	byDefault = runtime.GOMAXPROCS(0)
	synctest.Test(t, func(t *testing.T) {
		many := runtime.NumCPU() + 1
		slots := dispatch.NewSlots(many)
		steps := dispatch.NewFfiDispatchChannel(plain{}, slots, plain{}, dispatch.FfiConfig{})
		ctx, free := context.WithCancel(t.Context())
		var p processors
		go p.serve(ctx, steps)
		synctest.Wait()
		require.Equal(t, byDefault+spareProcessors, runtime.GOMAXPROCS(0), "an idle worker")
		require.Equal(t, many, slots.TryAcquire(many))
		time.Sleep(2 * lookAtLoad)
		require.Equal(t, byDefault+spareProcessors, runtime.GOMAXPROCS(0), "one that claims, for which it takes all slots")
		for range many {
			steps.Dispatch(ctx, &dispatch.DispatchHandlerMessage{Step: sdk.NewStepContext(sdk.StepData{})})
		}
		time.Sleep(2 * lookAtLoad)
		require.Equal(t, byDefault, runtime.GOMAXPROCS(0), "a busy one")
		steps.Drain()
		time.Sleep(2 * lookAtLoad)
		require.Equal(t, byDefault+spareProcessors, runtime.GOMAXPROCS(0))
		free()
		synctest.Wait()
		require.Equal(t, byDefault, runtime.GOMAXPROCS(0), "no worker is left")

		t.Setenv("GOMAXPROCS", "1")
		p.serve(t.Context(), steps)
		require.Equal(t, byDefault, runtime.GOMAXPROCS(0), "the user's choice")
		require.NoError(t, steps.Stop(t.Context(), 0))
	})
}
