package workflow_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func failed(retryable bool) *sdk.StepExecutionResult {
	return &sdk.StepExecutionResult{Metadata: sdk.StepExecutionMetadata{Retryable: retryable}, Error: &sdk.StepExecutionError{Message: "no"}}
}

func policy(retryable bool, attempts int32) workflow.RetryPolicy {
	return workflow.RetryPolicy{
		Retryable: retryable, MaxAttempts: attempts, MaxCrashes: 3, MaxDelay: time.Hour,
		Backoff: workflow.Backoff{Kind: workflow.BackoffExponential, Base: time.Second, Max: time.Minute},
	}
}

// E7 of the behaviours: the boundaries of max_attempts, at which the first attempt is always made.
func TestTheBoundariesOfMaxAttempts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		policy  workflow.RetryPolicy
		attempt int32
		want    workflow.StepState
	}{
		"zero attempts are used up by the first":      {policy(true, 0), 1, workflow.StepError},
		"one attempt is used up by the first":         {policy(true, 1), 1, workflow.StepError},
		"of three attempts two are left":              {policy(true, 3), 1, workflow.StepWaitingForRetry},
		"of three attempts one is left":               {policy(true, 3), 2, workflow.StepWaitingForRetry},
		"three attempts are used up by the third":     {policy(true, 3), 3, workflow.StepError},
		"a template that is not retryable tries once": {policy(false, 3), 1, workflow.StepError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := workflow.DecideOutcome(tt.policy, workflow.AttemptCounts{Attempt: tt.attempt}, failed(true), 0.5)
			require.Equal(t, tt.want, d.To)
			require.Equal(t, tt.want == workflow.StepError, d.Reason != "")
		})
	}
}

func TestAPermanentFailureIsTheLastAttempt(t *testing.T) {
	t.Parallel()
	d := workflow.DecideOutcome(policy(true, 3), workflow.AttemptCounts{Attempt: 1}, failed(false), 0.5)
	require.Equal(t, workflow.StepError, d.To)
}

func TestCrashesAndForgivenAttemptsUseUpNoneOfMaxAttempts(t *testing.T) {
	t.Parallel()
	d := workflow.DecideOutcome(policy(true, 2), workflow.AttemptCounts{Attempt: 6, Crashes: 2, Forgiven: 3}, failed(true), 0.5)
	require.Equal(t, workflow.StepWaitingForRetry, d.To)
	require.Equal(t, time.Second, d.Delay, "it is the first failure")
}

func TestAServersRetryAfterTakesThePlaceOfTheBackoff(t *testing.T) {
	t.Parallel()
	r := failed(true)
	r.OrchestrationMetadata = &sdk.OrchestrationMetadata{BackoffHint: &sdk.BackoffHint{BackoffType: "ServerRequested", DelaySeconds: 90}}
	require.Equal(t, 90*time.Second, workflow.DecideOutcome(policy(true, 3), workflow.AttemptCounts{Attempt: 1}, r, 0).Delay)
	r.OrchestrationMetadata.BackoffHint.DelaySeconds = 1 << 31
	require.Equal(t, time.Hour, workflow.DecideOutcome(policy(true, 3), workflow.AttemptCounts{Attempt: 1}, r, 0).Delay, "it is bounded")
}

func TestAStepThatLosesItsWorkerTooOftenFails(t *testing.T) {
	t.Parallel()
	p := policy(true, 1)
	require.Equal(t, workflow.StepWaitingForRetry, workflow.DecideCrash(p, workflow.AttemptCounts{Attempt: 2, Crashes: 2}).To)
	d := workflow.DecideCrash(p, workflow.AttemptCounts{Attempt: 3, Crashes: 3})
	require.Equal(t, workflow.StepError, d.To)
	require.Equal(t, "its worker was lost 3 times", d.Reason)
}

func TestARecordedOutcomeIsRestoredWhole(t *testing.T) {
	t.Parallel()
	r := failed(true)
	r.Metadata.Custom = map[string]any{"order": json.Number("9007199254740993")}
	r.Metadata.ErrorCode, r.Metadata.ErrorType = "E42", "network"
	r.Error.Backtrace = []string{"a", "b"}
	r.OrchestrationMetadata = &sdk.OrchestrationMetadata{Headers: map[string]string{"Retry-After": "3"}, Custom: map[string]any{}}
	raw, err := workflow.EncodeOutcome(r, "gave up")
	require.NoError(t, err)
	require.Contains(t, string(raw), `"reason":"gave up"`)
	var back sdk.StepExecutionResult
	require.NoError(t, workflow.RestoreOutcome(raw, &back))
	require.Equal(t, *r, back)
}

func TestThereIsNothingToRecordOfAPlainSuccess(t *testing.T) {
	t.Parallel()
	raw, err := workflow.EncodeOutcome(&sdk.StepExecutionResult{Success: true, Result: json.RawMessage(`{}`)}, "")
	require.NoError(t, err)
	require.Nil(t, raw)
}
