package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestAStepTellsItsReadiness(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	created := w.task(t, id).CreatedAt

	ship := w.step(t, id, shipStep)
	require.Equal(t, store.StepView{
		TaskUUID: id, No: shipStep, Name: "ship", Namespace: "shop", Callable: "shop.ship", State: workflow.StepPending,
		Retryable: true, MaxAttempts: 4, Parents: 2, ParentsLeft: 2, CreatedAt: created, UpdatedAt: created, Due: true,
	}, *ship)
	require.Equal(t, sdk.StepUUID(id, shipStep), ship.UUID())
	require.False(t, ship.DependenciesSatisfied())
	require.True(t, ship.RetryEligible())
	require.False(t, ship.ReadyForExecution())

	w.complete(t, id, validateStep)
	require.Equal(t, []int32{chargeStep, reserveStep}, w.claim(t, id))
	charge := w.step(t, id, chargeStep)
	require.Equal(t, workflow.StepInProgress, charge.State)
	require.Equal(t, "w1", charge.Worker)
	require.True(t, charge.DependenciesSatisfied())
	require.False(t, charge.ReadyForExecution(), "it runs")
	require.NotNil(t, charge.LastAttemptedAt)
	require.Nil(t, charge.LastFailureAt)
	require.Nil(t, charge.Results)

	w.apply(t, id, store.Outcome{StepNo: reserveStep, Attempt: 1, Kind: store.OutcomeComplete})
	require.EqualValues(t, 1, w.step(t, id, shipStep).ParentsLeft)

	w.apply(t, id, store.Outcome{StepNo: chargeStep, Attempt: 1, Kind: store.OutcomeRetry, Delay: time.Hour, Detail: failure(true)})
	charge = w.step(t, id, chargeStep)
	require.Equal(t, workflow.StepWaitingForRetry, charge.State)
	require.WithinDuration(t, charge.LastFailureAt.Add(time.Hour), *charge.RunAt, time.Minute)
	require.Equal(t, charge.UpdatedAt, *charge.LastFailureAt)
	require.True(t, charge.RetryEligible())
	require.False(t, charge.ReadyForExecution(), "its time has not come")
	w.db.Exec(t, "update tasker.workflow_steps set run_at = clock_timestamp() where run_at is not null")
	require.True(t, w.step(t, id, chargeStep).ReadyForExecution())

	w.db.Exec(t, "update tasker.step_timers set run_at = clock_timestamp()")
	_, err := w.FireTimers(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int32{chargeStep}, w.claim(t, id))
	w.apply(t, id, store.Outcome{StepNo: chargeStep, Attempt: 2, Kind: store.OutcomeError, Detail: failure(true)})
	charge = w.step(t, id, chargeStep)
	require.Equal(t, workflow.StepError, charge.State)
	require.EqualValues(t, 2, charge.Counts.Used())
	require.False(t, charge.RetryEligible(), "both attempts are used up")
	require.Nil(t, charge.CompletedAt, "an error is no end")

	validate := w.step(t, id, validateStep)
	require.Equal(t, workflow.StepComplete, validate.State)
	require.Equal(t, validate.UpdatedAt, *validate.CompletedAt)
}

func TestAttemptsThatWereGivenBackAreNotCounted(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	require.Equal(t, []int32{validateStep}, w.claim(t, id))
	w.apply(t, id, store.Outcome{StepNo: validateStep, Attempt: 1, Kind: store.OutcomeRelease})
	step := w.step(t, id, validateStep)
	require.Equal(t, workflow.AttemptCounts{Attempt: 1, Forgiven: 1}, step.Counts)
	require.Zero(t, step.Counts.Used())
	require.Nil(t, step.LastFailureAt)
	require.Nil(t, step.Results)
}

func TestAStepThatAllowsNoRetryIsNotEligibleAfterItsFirst(t *testing.T) {
	t.Parallel()
	v := store.StepView{MaxAttempts: 5}
	require.True(t, v.RetryEligible())
	v.Counts.Attempt = 1
	require.False(t, v.RetryEligible())
	v.Retryable = true
	require.True(t, v.RetryEligible())
	v.Counts = workflow.AttemptCounts{Attempt: 7, Crashes: 1, Forgiven: 2}
	require.True(t, v.RetryEligible(), "four failures of five")
	v.Counts.Attempt++
	require.False(t, v.RetryEligible())
}

func failure(retryable bool) json.RawMessage {
	if retryable {
		return json.RawMessage(`{"error":{"message":"gateway away","error_type":"retryable_error","retryable":true},
			"metadata":{"retryable":true,"error_code":"E17","error_type":"retryable_error","custom":{"big":9007199254740993}},
			"orchestration_metadata":{"headers":{"Retry-After":"5"},"custom":{}}}`)
	}
	return json.RawMessage(`{"error":{"message":"no such card","retryable":false},"metadata":{"retryable":false},"reason":"permanent failure"}`)
}

func timestamp(t *time.Time) *sdk.Timestamp {
	at := sdk.At(*t)
	return &at
}

func TestResultsArePutTogetherFromTheStepAndTheLedger(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	require.Equal(t, []int32{validateStep}, w.claim(t, id))
	claimed := w.step(t, id, validateStep).LastAttemptedAt
	w.apply(t, id, store.Outcome{StepNo: validateStep, Attempt: 1, Kind: store.OutcomeRetryNow, Detail: failure(true), ExecutionTimeMS: 12})
	step := w.step(t, id, validateStep)
	failedAt := *step.LastFailureAt
	want := sdk.StepExecutionResult{
		StepUUID: step.UUID(), Result: json.RawMessage(`{}`), Status: sdk.StatusFailed,
		Error: &sdk.StepExecutionError{Message: "gateway away", ErrorType: "retryable_error", Retryable: true},
		Metadata: sdk.StepExecutionMetadata{
			ExecutionTimeMS: 12, Retryable: true, StartedAt: timestamp(claimed), CompletedAt: sdk.At(failedAt), WorkerID: "w1", WorkerHostname: "host",
			ErrorCode: "E17", ErrorType: "retryable_error", Custom: map[string]any{"big": json.Number("9007199254740993")}, Context: map[string]any{},
		},
		OrchestrationMetadata: &sdk.OrchestrationMetadata{Headers: map[string]string{"Retry-After": "5"}, Custom: map[string]any{}},
	}
	require.Equal(t, want, *step.Results)

	require.Equal(t, []int32{validateStep}, w.claim(t, id))
	running := w.step(t, id, validateStep)
	require.Equal(t, want, *running.Results, "a new attempt runs, the old result stands")
	require.True(t, running.LastAttemptedAt.After(*claimed))

	w.apply(t, id, store.Outcome{StepNo: validateStep, Attempt: 2, Kind: store.OutcomeComplete, Result: json.RawMessage(`{"total": 1e3}`), ExecutionTimeMS: 3})
	step = w.step(t, id, validateStep)
	require.Equal(t, sdk.StepExecutionResult{
		StepUUID: step.UUID(), Success: true, Result: json.RawMessage(`{"total": 1000}`), Status: sdk.StatusCompleted,
		Metadata: sdk.StepExecutionMetadata{
			ExecutionTimeMS: 3, StartedAt: timestamp(running.LastAttemptedAt), CompletedAt: sdk.At(*step.CompletedAt), WorkerID: "w1", WorkerHostname: "host",
			Custom: map[string]any{}, Context: map[string]any{},
		},
	}, *step.Results)

	without, err := w.Steps(t.Context(), id, false)
	require.NoError(t, err)
	require.Nil(t, without[validateStep].Results)
}

func TestAStepThatNoWorkerEverHadCanStillFail(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	n, err := w.RefuseReadySteps(t.Context(), w.handlers[handlerOf(t, w, "shop.validate")], failure(false))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	step := w.step(t, id, validateStep)
	require.Equal(t, workflow.StepError, step.State)
	require.Equal(t, "no such card", step.Results.Error.Message)
	require.Equal(t, sdk.At(step.UpdatedAt), step.Results.Metadata.CompletedAt)
	require.Equal(t, step.UpdatedAt, *step.LastFailureAt)
	require.Nil(t, step.Results.Metadata.StartedAt)
}

func handlerOf(t *testing.T, w *readWorld, callable string) int {
	t.Helper()
	handlers, err := w.OfferHandlers(t.Context(), w.worker, []string{callable}, nil)
	require.NoError(t, err)
	require.Len(t, handlers, 1)
	for i, id := range w.handlers {
		if id == handlers[0].ID {
			return i
		}
	}
	t.Fatalf("%s is not offered", callable)
	return 0
}
