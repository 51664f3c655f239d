package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

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
