package dispatch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var position = Checkpoint{Cursor: []byte(`50`), ItemsProcessed: 50}

func TestACheckpointHasTheStepDeliveredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{})
		e := h.held(0)
		require.NoError(t, h.Checkpoint(t.Context(), e, position))
		require.Equal(t, []Checkpoint{position}, h.saved)
		requireStale(t, FfiCheckpointed, h.Complete(e, success()))
		got := h.poll(8)
		require.Len(t, got, 1)
		next := got[0].Event
		require.NotEqual(t, e.EventID, next.EventID)
		require.Same(t, e.Message, next.Message, "the attempt is the same")
		require.Equal(t, `50`, string(next.Checkpoint))
		require.Equal(t, 1, h.slots.InUse(), "and so is its slot")
		require.NoError(t, h.Complete(next, success()))
		require.Len(t, h.ends(), 1)
		require.Zero(t, h.slots.InUse())
		require.EqualValues(t, 1, h.Metrics().Checkpoints)
		h.stop()
	})
}

func TestACheckpointThatIsNotStoredLeavesTheStepWithTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{})
		e := h.held(0)
		h.save = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, h.Checkpoint(ctx, e, position), context.DeadlineExceeded)
		require.NoError(t, h.Heartbeat(e, nil))
		h.save = nil
		require.NoError(t, h.Checkpoint(t.Context(), e, position))
		_ = h.Stop(t.Context(), time.Second)
	})
}

func TestACheckpointOfALostAttemptIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{})
		e := h.held(0)
		h.save = func(context.Context) error { return ErrLeaseLost }
		requireStale(t, FfiLeaseLost, h.Checkpoint(t.Context(), e, position))
		requireStale(t, FfiLeaseLost, h.Complete(e, success()))
		require.True(t, h.ends()[0].Released)
		require.Zero(t, h.slots.InUse())
		h.stop()
	})
}

func TestACheckpointThatNobodyWaitsForFailsTheStepIfItIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{CheckpointTimeout: 10 * time.Second})
		e := h.held(0)
		require.NoError(t, h.CheckpointLater(e, position))
		got := h.poll(1)
		require.Len(t, got, 1)

		h.save = func(ctx context.Context) error { <-ctx.Done(); return errors.New("connection refused") }
		require.NoError(t, h.CheckpointLater(got[0].Event, position))
		require.ErrorIs(t, h.Complete(got[0].Event, success()), ErrFfiBusy, "it is being stored")
		time.Sleep(11 * time.Second)
		ends := h.ends()
		require.Len(t, ends, 1)
		require.Equal(t, "checkpoint_error", ends[0].Result.Error.ErrorType)
		require.Contains(t, ends[0].Result.Error.Message, "Checkpoint yield failed: ")
		require.True(t, ends[0].Result.Metadata.Retryable)
		require.Zero(t, h.slots.InUse())
		requireStale(t, FfiCheckpointed, h.Complete(got[0].Event, success()))

		h.save = func(context.Context) error { panic("store") }
		e = h.held(0)
		require.NoError(t, h.CheckpointLater(e, position))
		require.Len(t, h.ends(), 2, "a panic fails the step as well")
		h.stop()
	})
}

func TestWithoutAStoreThereAreNoCheckpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{})
		h.cfg.Checkpoints = nil
		e := h.held(0)
		require.ErrorIs(t, h.Checkpoint(t.Context(), e, position), ErrFfiNoCheckpoints)
		require.ErrorIs(t, h.CheckpointLater(e, position), ErrFfiNoCheckpoints)
		require.NoError(t, h.Complete(e, success()))
		h.stop()
	})
}

func TestAStepCancelledWhileItsCheckpointIsStoredIsNotDeliveredAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		saved error
		want  FfiEnd
	}{
		"the checkpoint is stored":     {nil, FfiCheckpointed},
		"the checkpoint is not stored": {errors.New("no"), FfiCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHostTest(t, 1, FfiConfig{})
				e := h.held(0)
				h.save = func(context.Context) error {
					e.Message.Cancel(ErrCancelled)
					return tt.saved
				}
				err := h.Checkpoint(t.Context(), e, position)
				require.ErrorIs(t, err, tt.saved)
				requireStale(t, tt.want, h.Complete(e, success()))
				require.True(t, h.ends()[0].Released)
				require.Zero(t, h.slots.InUse())
				h.stop()
			})
		})
	}
}
