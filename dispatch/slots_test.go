package dispatch_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/sdk"
)

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
