package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/sdk"
)

func TestAStepsUUIDComesFromItsTaskAndNumberAndLeadsBackToThem(t *testing.T) {
	t.Parallel()
	task := sdk.NewUUID()
	rapid.Check(t, func(t *rapid.T) {
		no := rapid.Int32Range(0, 1<<30).Draw(t, "no")
		step := sdk.StepUUID(task, no)
		require.NotEqual(t, task, step)
		require.Equal(t, task.Version(), step.Version())
		back, ok := sdk.StepNumber(task, step)
		require.True(t, ok)
		require.Equal(t, no, back)
	})
}

func TestAStepsUUIDBelongsToNoOtherTask(t *testing.T) {
	t.Parallel()
	task := sdk.NewUUID()
	_, ok := sdk.StepNumber(sdk.NewUUID(), sdk.StepUUID(task, 3))
	require.False(t, ok)
	_, ok = sdk.StepNumber(task, task)
	require.False(t, ok, "a task's own UUID names no step")
}

func TestAnErrorSaysHowTheStepGoesOn(t *testing.T) {
	t.Parallel()
	cause := errors.New("no such card")
	for name, tt := range map[string]struct {
		err       error
		retryable bool
		kind      string
		message   string
	}{
		"any error is retried":               {cause, true, sdk.ErrTypeHandler, "no such card"},
		"a permanent one is not":             {sdk.Permanent(cause), false, sdk.ErrTypePermanent, "no such card"},
		"a retryable one is":                 {sdk.Retryable(cause, sdk.WithType("gateway")), true, "gateway", "no such card"},
		"wrapping keeps the kind":            {fmt.Errorf("charge: %w", sdk.Permanent(cause)), false, sdk.ErrTypePermanent, "charge: no such card"},
		"a formatted one":                    {sdk.Permanentf("card %d", 7), false, sdk.ErrTypePermanent, "card 7"},
		"no error at all is still a failure": {sdk.Permanent(nil), false, sdk.ErrTypePermanent, "unknown error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := sdk.AsStepError(tt.err)
			require.Equal(t, tt.retryable, e.Retryable)
			require.Equal(t, tt.kind, e.Type)
			require.Equal(t, tt.message, e.Message)
		})
	}
	require.ErrorIs(t, sdk.Permanent(cause), cause)
}

func TestOptionsOfAnErrorAreKept(t *testing.T) {
	t.Parallel()
	e := sdk.AsStepError(sdk.Retryable(errors.New("slow down"), sdk.WithCode("429"), sdk.RetryAfter(time.Minute), sdk.WithContext("host", "a")))
	require.Equal(t, "429", e.Code)
	require.Equal(t, time.Minute, e.RetryAfter)
	require.Equal(t, map[string]any{"host": "a"}, e.Context)
}

func step(t *testing.T, reads *int) *sdk.StepContext {
	t.Helper()
	return sdk.NewStepContext(sdk.StepData{
		TaskUUID: sdk.NewUUID(), StepNo: 2, StepName: "charge", Dependencies: []string{"cart"}, Attempt: 2, MaxAttempts: 3,
		LoadInput: func(context.Context) (json.RawMessage, error) {
			*reads++
			return json.RawMessage(`{"amount": 9007199254740993}`), nil
		},
		LoadResults: func(_ context.Context, names []string) (map[string]json.RawMessage, error) {
			*reads++
			found := map[string]json.RawMessage{}
			for _, n := range names {
				if n == "cart" || n == "customer" {
					found[n] = json.RawMessage(`{"total": 5}`)
				}
			}
			return found, nil
		},
	})
}

func TestWhatAStepReadsIsReadOnce(t *testing.T) {
	t.Parallel()
	reads := 0
	s := step(t, &reads)
	for range 3 {
		var in struct{ Amount json.Number }
		require.NoError(t, s.Input(t.Context(), &in))
		require.Equal(t, "9007199254740993", in.Amount.String())
	}
	require.Equal(t, 1, reads)
	for range 3 {
		cart, err := sdk.Dependency[struct{ Total int }](t.Context(), s, "cart")
		require.NoError(t, err)
		require.Equal(t, 5, cart.Total)
	}
	require.Equal(t, 2, reads)
}

func TestOnlyStepsUpstreamHaveResults(t *testing.T) {
	t.Parallel()
	reads := 0
	s := step(t, &reads)
	all, err := s.DependencyResults(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]json.RawMessage{"cart": json.RawMessage(`{"total": 5}`)}, all)
	_, err = s.DependencyResult(t.Context(), "ship")
	require.EqualError(t, err, `step "charge" has no completed step "ship" upstream; it depends on ["cart"]`)
	require.False(t, sdk.AsStepError(err).Retryable)
	_, err = sdk.Dependency[[]string](t.Context(), s, "cart")
	require.ErrorContains(t, err, `result of step "cart"`)
	require.False(t, sdk.AsStepError(err).Retryable)
}

func TestAReadThatFailsIsWorthARetry(t *testing.T) {
	t.Parallel()
	away := errors.New("the database is away")
	s := sdk.NewStepContext(sdk.StepData{
		LoadInput:   func(context.Context) (json.RawMessage, error) { return nil, away },
		LoadResults: func(context.Context, []string) (map[string]json.RawMessage, error) { return nil, away },
	})
	err := s.Input(t.Context(), &struct{}{})
	require.ErrorIs(t, err, away)
	require.True(t, sdk.AsStepError(err).Retryable)
	_, err = s.DependencyResults(t.Context(), "a")
	require.ErrorIs(t, err, away)
	require.True(t, sdk.AsStepError(err).Retryable)
}

func TestAStepKnowsItsAttempts(t *testing.T) {
	t.Parallel()
	reads := 0
	s := step(t, &reads)
	require.Equal(t, 2, s.Attempt())
	require.Equal(t, 1, s.RetryCount())
	require.True(t, s.IsRetry())
	require.False(t, s.IsLastRetry())
	require.Equal(t, s.StepUUID().String(), s.IdempotencyKey())
}

func TestInputThatDoesNotFitFailsATypedHandlerForGood(t *testing.T) {
	t.Parallel()
	h := sdk.Typed(func(context.Context, struct{ Amount bool }, *sdk.StepContext) (int, error) { return 1, nil })
	reads := 0
	_, err := h.Handle(t.Context(), step(t, &reads))
	e := sdk.AsStepError(err)
	require.Equal(t, sdk.ErrTypeValidation, e.Type)
	require.False(t, e.Retryable)
}

func TestARegistryRefusesWhatIsMiswired(t *testing.T) {
	t.Parallel()
	r := sdk.NewRegistry()
	noop := func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.StepResult{}, nil }
	r.RegisterFunc("b", noop)
	r.RegisterFunc("a", noop)
	require.Equal(t, []string{"a", "b"}, r.RegisteredHandlers())
	require.PanicsWithValue(t, `sdk: handler "a" is registered twice`, func() { r.RegisterFunc("a", noop) })
	require.Panics(t, func() { r.RegisterFunc("", noop) })
	require.Panics(t, func() { r.Register("c", nil) })
	_, ok := r.GetHandler("c")
	require.False(t, ok)
}
