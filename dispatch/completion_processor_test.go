package dispatch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/sdk"
)

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
