package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestATaskIsReadAsItWasMade(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	var made store.NewTask
	id := w.create(t, func(n *store.NewTask) {
		n.Priority, n.ParentCorrelationID = 5, sdk.NewUUID()
		n.Initiator, n.SourceSystem, n.Reason, n.Tags = "ada", "web", "a test", []string{"b", "a \"quoted\" one"}
		n.RequestedAt = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
		made = *n
	})
	got := w.task(t, id)
	require.Equal(t, id, got.TaskUUID)
	require.Equal(t, w.template, got.TemplateID)
	require.Equal(t, []string{"shop", "order", "1.0.0"}, []string{got.Namespace, got.Name, got.Version})
	require.Equal(t, []string{"ada", "web", "a test"}, []string{got.Initiator, got.SourceSystem, got.Reason})
	require.Equal(t, made.Tags, got.Tags)
	require.EqualValues(t, 5, got.Priority)
	require.Equal(t, made.CorrelationID, got.CorrelationID)
	require.Equal(t, made.ParentCorrelationID, got.ParentCorrelationID)
	require.JSONEq(t, `{"cart":7}`, string(got.Context))
	require.True(t, made.RequestedAt.Equal(got.RequestedAt))
	require.False(t, got.UpdatedAt.Before(got.CreatedAt))
	require.Nil(t, got.StartAt)
	require.Nil(t, got.CompletedAt)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 4, Pending: 3, InProgress: 1}, got.Counts)

	bare := w.task(t, w.create(t, nil))
	require.Empty(t, bare.Initiator+bare.SourceSystem+bare.Reason)
	require.Empty(t, bare.Tags)
	require.Zero(t, bare.ParentCorrelationID)
}

func TestTheCountsOfATaskFollowItsSteps(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	before := w.task(t, id)
	w.complete(t, id, validateStep)
	require.Equal(t, []int32{chargeStep, reserveStep}, w.claim(t, id))
	got := w.task(t, id)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 4, Pending: 1, InProgress: 2, Completed: 1}, got.Counts)
	require.True(t, got.UpdatedAt.After(before.UpdatedAt), "steps that move are news of the task")

	w.apply(t, id, store.Outcome{StepNo: chargeStep, Attempt: 1, Kind: store.OutcomeRetry, Delay: time.Hour})
	require.Equal(t, workflow.TaskStepsInProcess, w.task(t, id).Counts.VisibleState(), "another step runs")
	w.apply(t, id, store.Outcome{StepNo: reserveStep, Attempt: 1, Kind: store.OutcomeComplete})
	got = w.task(t, id)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 4, Pending: 1, Completed: 2, WaitingForRetry: 1}, got.Counts)
	require.Equal(t, workflow.TaskWaitingForRetry, got.Counts.VisibleState())

	w.db.Exec(t, "update tasker.workflow_steps set run_at = clock_timestamp() where run_at is not null")
	require.Equal(t, workflow.TaskStepsInProcess, w.task(t, id).Counts.VisibleState(), "its retry is due")
	require.EqualValues(t, 1, w.task(t, id).Counts.Ready)
	w.db.Exec(t, "update tasker.step_timers set run_at = clock_timestamp()")
	_, err := w.FireTimers(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int32{chargeStep}, w.claim(t, id))
	w.apply(t, id, store.Outcome{StepNo: chargeStep, Attempt: 2, Kind: store.OutcomeComplete})
	w.complete(t, id, shipStep)
	got = w.task(t, id)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskComplete, Total: 4, Completed: 4}, got.Counts)
	require.NotNil(t, got.CompletedAt)
}

func TestADelayedTaskIsNotReady(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, func(n *store.NewTask) { n.Delay = time.Hour })
	got := w.task(t, id)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskPending, Total: 4, Pending: 4}, got.Counts)
	require.WithinDuration(t, w.clock(t).Add(time.Hour), *got.StartAt, time.Minute)
	step := w.step(t, id, validateStep)
	require.False(t, step.ReadyForExecution())
	require.Equal(t, got.StartAt, step.RunAt)
	require.Equal(t, got.CreatedAt, step.UpdatedAt)
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id, stranger := w.create(t, nil), sdk.NewUUID()
	_, err := w.Task(t.Context(), stranger)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.Steps(t.Context(), stranger, true)
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, step := range []sdk.UUID{sdk.StepUUID(id, 4), sdk.StepUUID(stranger, 0), id} {
		_, err = w.Step(t.Context(), id, step)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
}

func TestTheHistoryOfAStepShowsEachMove(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	require.Equal(t, []int32{validateStep}, w.claim(t, id))
	w.apply(t, id, store.Outcome{StepNo: validateStep, Attempt: 1, Kind: store.OutcomeRetryNow, ExecutionTimeMS: 7,
		Detail: json.RawMessage(`{"error":{"message":"boom","retryable":true}}`)})
	w.complete2(t, id)

	first := validateStep
	moves, err := w.StepHistory(t.Context(), id, &first)
	require.NoError(t, err)
	var got []string
	for i, m := range moves {
		require.Equal(t, "validate", m.StepName)
		require.False(t, i > 0 && m.At.Before(moves[i-1].At))
		line := fmt.Sprintf("%s>%s %d %q", m.From, m.To, m.Attempt, m.Worker)
		if m.ExecutionTimeMS != nil {
			line += fmt.Sprintf(" %dms", *m.ExecutionTimeMS)
		}
		got = append(got, line+string(m.Detail))
	}
	require.Equal(t, []string{
		`pending>enqueued 0 ""`,
		`enqueued>in_progress 1 "w1"`,
		`in_progress>enqueued_as_error_for_orchestration 1 "w1" 7ms`,
		`enqueued_as_error_for_orchestration>waiting_for_retry 1 "w1"`,
		`waiting_for_retry>pending 1 "w1"`,
		`pending>enqueued 1 "w1"{"error": {"message": "boom", "retryable": true}}`,
		`enqueued>in_progress 2 "w1"`,
		`in_progress>enqueued_for_orchestration 2 "w1" 9ms`,
		`enqueued_for_orchestration>complete 2 "w1"`,
	}, got)

	all, err := w.StepHistory(t.Context(), id, nil)
	require.NoError(t, err)
	require.Len(t, all, len(moves)+2, "charge and reserve were queued")
	none, err := w.StepHistory(t.Context(), sdk.NewUUID(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

// complete2 runs the second attempt of the first step to its end.
func (w *readWorld) complete2(t *testing.T, id sdk.UUID) {
	t.Helper()
	require.Equal(t, []int32{validateStep}, w.claim(t, id))
	w.apply(t, id, store.Outcome{StepNo: validateStep, Attempt: 2, Kind: store.OutcomeComplete, Result: json.RawMessage(`1`), ExecutionTimeMS: 9})
}
