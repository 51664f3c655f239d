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

// blocked makes a task of one step that failed with an outcome.
func (w *world) blocked(t testing.TB, template int32, l store.Lease, kind store.OutcomeKind, detail string) sdk.UUID {
	t.Helper()
	task := w.create(t, template, l)
	failed := outcome(task, 0, 1, kind)
	failed.Detail = json.RawMessage(detail)
	w.apply(t, l, failed)
	require.Equal(t, workflow.TaskBlockedByFailures, w.stateOf(t, task))
	return task
}

func TestABlockedTaskIsEnteredAmongTheDeadLettersWithTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	for detail, want := range map[string]store.DLQReason{
		`{"metadata":{"retryable":true},"reason":"all 3 attempts are used up"}`: store.DLQMaxRetries,
		`{"metadata":{"error_type":"worker_lost"}}`:                             store.DLQWorkerLost,
		`{"error":{"message":"no such card"}}`:                                  store.DLQPermanentFailure,
	} {
		task := w.blocked(t, template, l, store.OutcomeError, detail)
		n, err := w.ReportBlockedTasks(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		letter, err := w.DeadLetterOf(t.Context(), task)
		require.NoError(t, err)
		require.Equal(t, want, letter.Reason)
		require.Equal(t, workflow.TaskBlockedByFailures, letter.OriginalState)
		require.Equal(t, store.DLQPending, letter.Status)
		var snapshot struct {
			State string           `json:"state"`
			Steps map[string]int   `json:"steps"`
			Open  []map[string]any `json:"open_steps"`
		}
		require.NoError(t, json.Unmarshal(letter.Snapshot, &snapshot))
		require.Equal(t, map[string]int{"error": 1, "pending": 2}, snapshot.Steps)
		require.Equal(t, "step_0", snapshot.Open[0]["name"])
		n, err = w.ReportBlockedTasks(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, n, "it is entered once")
	}
	stats, err := w.DLQStats(t.Context())
	require.NoError(t, err)
	require.Len(t, stats, 3)
	require.EqualValues(t, 1, stats[0].Pending)
	queue, err := w.Investigations(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, queue, 3)
	require.Equal(t, store.DLQWorkerLost, queue[2].Reason, "it is the least urgent")
}

func TestADeadLetterIsRequeuedAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.worker(t, 10)
	template := w.register(t, roots(2))
	l.Handlers = w.handlers
	task := w.create(t, template, l)
	w.apply(t, l, outcome(task, 0, 1, store.OutcomeError), outcome(task, 1, 1, store.OutcomeCrashOut))
	_, err := w.ReportBlockedTasks(t.Context(), 10)
	require.NoError(t, err)
	letter, err := w.DeadLetterOf(t.Context(), task)
	require.NoError(t, err)

	requeued, err := w.RequeueDeadLetter(t.Context(), letter.ID, "ada", "the host is repaired")
	require.NoError(t, err)
	require.Equal(t, task, requeued)
	require.ElementsMatch(t, []int32{0, 1}, w.run(t, l))
	require.Equal(t, workflow.TaskComplete, w.stateOf(t, task))
	letter, err = w.DeadLetter(t.Context(), letter.ID)
	require.NoError(t, err)
	require.Equal(t, store.DLQManuallyResolved, letter.Status)
	require.Equal(t, []string{"ada", "the host is repaired"}, []string{*letter.ResolvedBy, *letter.Notes})
	require.NotNil(t, letter.ResolvedAt)
	_, err = w.RequeueDeadLetter(t.Context(), letter.ID, "ada", "again")
	require.ErrorIs(t, err, store.ErrConflict)
	_, err = w.RequeueDeadLetter(t.Context(), sdk.NewUUID(), "ada", "again")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestAnInvestigationIsRecordedAndAFurtherFailureOpensAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 10)
	task := w.blocked(t, template, l, store.OutcomeError, `{}`)
	_, err := w.ReportBlockedTasks(t.Context(), 10)
	require.NoError(t, err)
	first, err := w.DeadLetterOf(t.Context(), task)
	require.NoError(t, err)
	failed, notes, who := store.DLQPermanentlyFailed, "bad input", "ada"
	require.NoError(t, w.UpdateDeadLetter(t.Context(), first.ID, store.DeadLetterUpdate{Status: &failed, Notes: &notes, ResolvedBy: &who, Metadata: json.RawMessage(`{"ticket": 7}`)}))
	first, err = w.DeadLetter(t.Context(), first.ID)
	require.NoError(t, err)
	require.Equal(t, store.DLQPermanentlyFailed, first.Status)
	require.JSONEq(t, `{"ticket": 7}`, string(first.Metadata))
	require.NotNil(t, first.ResolvedAt)

	w.reset(t, task, 0)
	step := w.claim(t, l)[0]
	w.apply(t, l, outcome(task, 0, step.Counts.Attempt, store.OutcomeError))
	_, err = w.ReportBlockedTasks(t.Context(), 10)
	require.NoError(t, err)
	all, err := w.DeadLetters(t.Context(), "", 10, 0)
	require.NoError(t, err)
	require.Len(t, all, 2)
	pending, err := w.DeadLetters(t.Context(), store.DLQPending, 10, 0)
	require.NoError(t, err)
	require.Len(t, pending, 1)
	again := store.DLQPending
	require.ErrorIs(t, w.UpdateDeadLetter(t.Context(), first.ID, store.DeadLetterUpdate{Status: &again}), store.ErrConflict)
	require.ErrorIs(t, w.UpdateDeadLetter(t.Context(), sdk.NewUUID(), store.DeadLetterUpdate{Status: &failed}), store.ErrNotFound)
}

func TestATaskIsEnteredByHandOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	task := w.create(t, w.register(t, single), store.Lease{})
	require.NoError(t, w.AddDeadLetter(t.Context(), task, "ada", "the customer complains"))
	letter, err := w.DeadLetterOf(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, store.DLQManual, letter.Reason)
	require.JSONEq(t, `{"requested_by": "ada", "reason": "the customer complains"}`, string(letter.Metadata))
	require.ErrorIs(t, w.AddDeadLetter(t.Context(), task, "ada", "again"), store.ErrConflict)
	require.ErrorIs(t, w.AddDeadLetter(t.Context(), sdk.NewUUID(), "ada", "no such task"), store.ErrNotFound)
	_, err = w.RequeueDeadLetter(t.Context(), letter.ID, "ada", "nothing failed")
	require.ErrorIs(t, err, store.ErrConflict)
}

// age moves everything about a task into the past.
func (w *world) age(t testing.TB, task sdk.UUID, by time.Duration) {
	t.Helper()
	w.db.Exec(t, `with a as (update tasker.step_transitions set at = at - $2::interval where task_uuid = $1)
		update tasker.tasks set created_at = created_at - $2::interval where task_uuid = $1`, task, by)
}

var hour = store.StalenessThresholds{WaitingForDependencies: time.Hour, WaitingForRetry: time.Hour, StepsInProcess: time.Hour, Lifetime: 24 * time.Hour}

func (w *world) stale(t testing.TB) map[sdk.UUID]store.OpenTask {
	t.Helper()
	open, err := w.OpenTaskIDs(t.Context(), sdk.UUID{}, 100)
	require.NoError(t, err)
	list, err := w.StaleTasks(t.Context(), hour, open)
	require.NoError(t, err)
	stale := map[sdk.UUID]store.OpenTask{}
	for _, s := range list {
		require.True(t, s.Stale())
		stale[s.TaskUUID] = s
	}
	return stale
}

func TestStaleTasksAreFoundByWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	running := w.create(t, template, l)
	queued := w.create(t, template, store.Lease{})
	retrying := w.create(t, template, l)
	later := outcome(retrying, 0, 1, store.OutcomeRetry)
	later.Delay = 30 * time.Minute
	w.apply(t, store.Lease{}, later)
	require.Empty(t, w.stale(t))

	for _, task := range []sdk.UUID{running, queued, retrying} {
		w.age(t, task, 61*time.Minute)
	}
	found := w.stale(t)
	require.Len(t, found, 2, "the time of the retry has not come")
	require.Equal(t, workflow.TaskStepsInProcess, found[running].Waiting)
	require.Equal(t, workflow.TaskWaitingForDependencies, found[queued].Waiting)
	require.InDelta(t, 61, found[running].TimeInState.Minutes(), 1)

	w.db.Exec(t, `update tasker.workflow_steps set checkpoint = jsonb_build_object('timestamp', clock_timestamp()) where task_uuid = $1 and step_no = 0`, running)
	require.NotContains(t, w.stale(t), running, "a fresh checkpoint is a sign of life")
	require.NoError(t, w.PauseTask(t.Context(), by(queued, "pause")))
	require.NotContains(t, w.stale(t), queued, "a paused task waits for people")
	w.age(t, retrying, 24*time.Hour)
	require.True(t, w.stale(t)[retrying].Expired)
}

func TestATemplatesLifecycleComesBeforeTheConfiguredThresholds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	w.db.Exec(t, `update tasker.task_templates set definition = definition || '{"lifecycle": {"max_steps_in_process_minutes": 2,
		"max_waiting_for_dependencies_minutes": 300, "max_duration_minutes": 240, "staleness_action": "error", "auto_dlq_on_timeout": true}}' where template_id = $1`, template)
	l := w.worker(t, 10)
	running, queued := w.create(t, template, l), w.create(t, template, store.Lease{})
	w.age(t, running, 3*time.Minute)
	w.age(t, queued, 2*time.Hour)
	found := w.stale(t)
	require.Len(t, found, 1)
	got := found[running]
	require.Equal(t, 2*time.Minute, got.Threshold)
	require.Equal(t, "error", got.Action)
	require.True(t, *got.AutoDLQ)
	require.Nil(t, got.AutoFail)
	w.age(t, queued, 3*time.Hour)
	require.True(t, w.stale(t)[queued].Expired, "max_duration_minutes")
}

func TestATemplatesLifecycleBoundsTheWaitForARetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	w.db.Exec(t, `update tasker.task_templates set definition = definition || '{"lifecycle": {"max_waiting_for_retry_minutes": 5}}' where template_id = $1`, template)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeRetry))
	w.age(t, task, 10*time.Minute)
	w.db.Exec(t, `with s as (update tasker.workflow_steps set run_at = run_at - interval '10 minutes') update tasker.step_timers set run_at = run_at - interval '10 minutes'`)
	got := w.stale(t)[task]
	require.Equal(t, workflow.TaskWaitingForRetry, got.Waiting)
	require.Equal(t, 5*time.Minute, got.Threshold)
}

func TestAStaleTaskFailsAtOnceUnlessItHasMovedSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, diamond)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete))
	w.age(t, task, 2*time.Hour)
	stale := w.stale(t)[task]
	because := json.RawMessage(`{"error":{"message":"too slow","error_type":"staleness_timeout","retryable":false},"metadata":{"error_type":"staleness_timeout"}}`)

	w.apply(t, store.Lease{}, outcome(task, 1, 1, store.OutcomeComplete))
	_, err := w.EndStaleTask(t.Context(), &stale, true, true, json.RawMessage(`{}`), because)
	require.ErrorIs(t, err, store.ErrConflict, "it has moved")
	w.age(t, task, 2*time.Hour)
	stale = w.stale(t)[task]
	entered, err := w.EndStaleTask(t.Context(), &stale, true, true, json.RawMessage(`{"threshold_minutes": 60}`), because)
	require.NoError(t, err)
	require.True(t, entered)
	require.Equal(t, workflow.TaskError, w.stateOf(t, task))
	step, err := w.Step(t.Context(), task, sdk.StepUUID(task, 2))
	require.NoError(t, err)
	require.Equal(t, workflow.StepError, step.State)
	require.Equal(t, "too slow", step.Results.Error.Message)
	require.Equal(t, []int{0}, w.apply(t, store.Lease{}, outcome(task, 2, 1, store.OutcomeComplete)).Stale, "the zombie changes nothing")

	letter, err := w.DeadLetterOf(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, store.DLQStaleness, letter.Reason)
	require.Equal(t, workflow.TaskStepsInProcess, letter.OriginalState)
	_, err = w.RequeueDeadLetter(t.Context(), letter.ID, "ada", "it was slow, no more")
	require.NoError(t, err)
	require.Equal(t, []int32{2, 3}, w.run(t, l))
	require.Equal(t, workflow.TaskComplete, w.stateOf(t, task))
}

func TestOnlyTasksThatCannotMoveAreHopeless(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(2))
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeError))
	hopeless := func(reported bool) []sdk.UUID {
		list, err := w.HopelessTasks(t.Context(), 10, reported)
		require.NoError(t, err)
		return list
	}
	require.Empty(t, hopeless(false), "its sibling runs")
	w.apply(t, store.Lease{}, outcome(task, 1, 1, store.OutcomeComplete))
	require.Equal(t, []sdk.UUID{task}, hopeless(false))
	require.Empty(t, hopeless(true), "it is not among the dead letters yet")
	_, err := w.ReportBlockedTasks(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, []sdk.UUID{task}, hopeless(true))
	to, err := w.Repair(t.Context(), store.Intervention{TaskUUID: task, Action: "give_up", By: "tasker", Reason: "nobody came"}, workflow.GiveUp)
	require.NoError(t, err)
	require.Equal(t, workflow.TaskError, to)
	require.Empty(t, hopeless(false))
	require.Equal(t, workflow.TaskStepsInProcess, w.reset(t, task, 0), "an operator can still repair it")
	w.run(t, l)
	require.Equal(t, workflow.TaskComplete, w.stateOf(t, task))
}
