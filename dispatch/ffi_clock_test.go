package dispatch

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

// expired is a context whose time is up.
func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestAStepTimesOutWithNoCallOfTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{CompletionTimeout: 30 * time.Second, WorkerName: "w"})
		e := h.held(0)
		time.Sleep(30*time.Second - time.Millisecond)
		require.Empty(t, h.ends())
		time.Sleep(time.Millisecond)
		ends := h.ends()
		require.Len(t, ends, 1)
		failure := ends[0].Result
		require.Equal(t, "ffi_timeout", failure.Error.ErrorType)
		require.Equal(t, "FFI handler timed out after 30000ms", failure.Error.Message)
		require.True(t, failure.Metadata.Retryable)
		require.EqualValues(t, 30_000, failure.Metadata.ExecutionTimeMS)
		require.Equal(t, "w", failure.Metadata.WorkerID)
		require.Equal(t, map[string]any{"handler_name": "h", "task_uuid": e.Message.Key.TaskUUID.String(), "timeout_ms": int64(30_000)}, failure.Error.Context)

		got := h.poll(8)
		require.Len(t, got, 1, "the host is told")
		require.Equal(t, FfiTimedOut, got[0].Cancelled)
		require.Same(t, e, got[0].Event)

		require.Equal(t, 1, h.slots.InUse(), "the handler still runs, so its slot is taken")
		require.True(t, h.Metrics().Exhausted)
		var cancelled *FfiCancelledError
		require.ErrorAs(t, h.Heartbeat(e, nil), &cancelled)
		requireStale(t, FfiTimedOut, h.Complete(e, success()))
		require.Zero(t, h.slots.InUse(), "now it has come back")
		requireStale(t, FfiTimedOut, h.Complete(e, success()))
		require.Len(t, h.ends(), 1, "a late result changes nothing")
		m := h.Metrics()
		require.EqualValues(t, 1, m.TimedOut)
		require.EqualValues(t, 1, m.Late)
		require.EqualValues(t, 1, m.Duplicate)
		h.stop()
	})
}

func TestTheTemplatesTimeoutComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{CompletionTimeout: 30 * time.Second})
		short, long := h.held(time.Second), h.held(time.Hour)
		time.Sleep(time.Second)
		require.Len(t, h.ends(), 1)
		requireStale(t, FfiTimedOut, h.Complete(short, success()))
		time.Sleep(59 * time.Minute)
		require.NoError(t, h.Complete(long, success()))
		h.stop()
	})
}

func TestAHeartbeatStartsTheTimeAnewUnlessTheTemplateSetsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{CompletionTimeout: 30 * time.Second})
		free, bound := h.held(0), h.held(40*time.Second)
		for range 3 {
			time.Sleep(20 * time.Second)
			require.NoError(t, h.Heartbeat(free, []byte(`{"done":3}`)))
			_ = h.Heartbeat(bound, nil)
		}
		require.Len(t, h.ends(), 1, "the bound one timed out")
		requireStale(t, FfiTimedOut, h.Complete(bound, success()))
		require.JSONEq(t, `{"done":3}`, string(h.Metrics().Heartbeats[free.EventID.String()]))
		require.NoError(t, h.Complete(free, success()))
		h.stop()
	})
}

func TestAHandlerThatNeverComesBackLosesItsSlotInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{CompletionTimeout: time.Second, AbandonTimeout: time.Minute})
		e := h.held(0)
		time.Sleep(time.Minute)
		require.Equal(t, 1, h.slots.InUse())
		require.Equal(t, 1, h.Metrics().QuarantinedCount)
		time.Sleep(2 * time.Second)
		require.Zero(t, h.slots.InUse())
		m := h.Metrics()
		require.EqualValues(t, 1, m.Abandoned)
		require.Zero(t, m.QuarantinedCount)
		requireStale(t, FfiTimedOut, h.Complete(e, success()))
		require.Len(t, h.ends(), 1)
		h.stop()
	})
}

func TestAStarvingStepIsReportedOnceAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := newHostTest(t, 3, FfiConfig{StarvationThreshold: 10 * time.Second, UnpolledTimeout: time.Hour, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		h.dispatch(0)
		time.Sleep(4 * time.Second)
		h.dispatch(0)
		time.Sleep(7 * time.Second)
		synctest.Wait()
		m := h.Metrics()
		require.True(t, m.StarvationDetected)
		require.Equal(t, 1, m.StarvingEventCount)
		require.Equal(t, 2, m.WaitingCount)
		require.EqualValues(t, 11_000, *m.OldestWaitingAgeMS)
		require.EqualValues(t, 1, m.StarvationWarnings)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.EqualValues(t, 2, h.Metrics().StarvationWarnings)
		require.Equal(t, 2, strings.Count(log.String(), "steps wait for the host"))
		for _, d := range h.poll(2) {
			require.NoError(t, h.Complete(d.Event, success()))
		}
		require.False(t, h.Metrics().StarvationDetected)
		h.stop()
	})
}

func TestPendingAgesCountFromThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{})
		require.Nil(t, h.Metrics().OldestPendingAgeMS)
		a := h.held(0)
		time.Sleep(5 * time.Second)
		b := h.held(0)
		time.Sleep(time.Second)
		m := h.Metrics()
		require.Equal(t, 2, m.PendingCount)
		require.EqualValues(t, 6_000, *m.OldestPendingAgeMS)
		require.EqualValues(t, 1_000, *m.NewestPendingAgeMS)
		require.Equal(t, a.EventID, *m.OldestEventID)
		require.Equal(t, 2, m.SlotsInUse)
		require.NoError(t, h.Complete(a, success()))
		require.NoError(t, h.Complete(b, success()))
		h.stop()
	})
}

func TestStepsThatNobodyPollsGoBackAndHoldUpFurtherClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{CompletionTimeout: 30 * time.Second})
		h.dispatch(0)
		h.dispatch(0)
		time.Sleep(31 * time.Second)
		ends := h.ends()
		require.Len(t, ends, 2)
		require.True(t, ends[0].Released)
		require.Equal(t, 2, h.slots.InUse(), "a host that does not poll claims nothing more")
		require.Empty(t, h.poll(1), "but now it polls")
		require.Zero(t, h.slots.InUse())
		require.EqualValues(t, 2, h.Metrics().Returned)
		e := h.held(0)
		require.NoError(t, h.Complete(e, success()))
		h.stop()
	})
}

func TestACancelledStepIsTakenFromTheHost(t *testing.T) {
	for name, tt := range map[string]struct {
		cause error
		want  FfiEnd
	}{
		"the step was cancelled": {ErrCancelled, FfiCancelled},
		"the lease is lost":      {ErrLeaseLost, FfiLeaseLost},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHostTest(t, 1, FfiConfig{})
				e := h.held(0)
				e.Message.Cancel(tt.cause)
				got := h.poll(8)
				require.Len(t, got, 1)
				require.Equal(t, tt.want, got[0].Cancelled)
				require.True(t, h.ends()[0].Released)
				var cancelled *FfiCancelledError
				require.ErrorAs(t, h.Heartbeat(e, nil), &cancelled)
				require.Equal(t, tt.want, cancelled.End)
				requireStale(t, tt.want, h.Complete(e, success()))
				require.Len(t, h.ends(), 1)
				require.Zero(t, h.slots.InUse())
				h.stop()
			})
		})
	}
}

func TestAStepThatIsCancelledBeforeItIsPolledIsNeverHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 3, FfiConfig{Loaders: 1})
		a, b, c := h.dispatch(0), h.dispatch(0), h.dispatch(0)
		synctest.Wait()
		b.Cancel(ErrCancelled)
		require.True(t, h.HasReady())
		got := h.poll(8)
		require.Len(t, got, 2)
		require.Same(t, a, got[0].Event.Message)
		require.Same(t, c, got[1].Event.Message)
		require.Len(t, h.ends(), 1)
		require.Equal(t, 2, h.slots.InUse())
		for _, d := range got {
			require.NoError(t, h.Complete(d.Event, success()))
		}
		h.stop()
	})
}

func TestAStepThatIsCancelledWhileItsEventIsMadeIsNeverHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 2, FfiConfig{Loaders: 1})
		h.cold = true
		made := make(chan []byte)
		h.payload = func(*FfiStepEvent) ([]byte, error) { return <-made, nil }
		a, b := h.dispatch(0), h.dispatch(0)
		synctest.Wait()
		a.Cancel(ErrCancelled)
		require.Len(t, h.ends(), 1)
		made <- []byte("a")
		made <- []byte("b")
		got := h.poll(8)
		require.Len(t, got, 1)
		require.Same(t, b, got[0].Event.Message)
		require.Equal(t, "b", string(got[0].Payload))
		require.NoError(t, h.Complete(got[0].Event, success()))
		h.stop()
	})
}

func TestTheStoredFailureOfATimeoutIsTheWireContract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostTest(t, 1, FfiConfig{CompletionTimeout: time.Second})
		e := h.held(0)
		time.Sleep(2 * time.Second)
		r := h.ends()[0].Result
		require.Equal(t, sdk.StatusError, r.Status)
		require.Equal(t, `{}`, string(r.Result))
		require.Equal(t, sdk.StepUUID(e.Message.Key.TaskUUID, 0), r.StepUUID)
		_ = h.Release(e)
		h.stop()
	})
}
