package orchestration_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// fail ends the step that a new task starts with.
func (w *world) fail(t testing.TB, name string) sdk.UUID {
	t.Helper()
	task := w.create(t, name)
	for _, s := range w.claim(t) {
		_, err := w.store.ApplyOutcomes(t.Context(), []store.Outcome{{TaskUUID: s.TaskUUID, StepNo: s.StepNo, Attempt: s.Counts.Attempt,
			Kind: store.OutcomeError, Detail: []byte(`{"error":{"message":"no"}}`)}}, store.Lease{})
		require.NoError(t, err)
	}
	return task
}

// quiet is a logger into the world's own log.
func (w *world) quiet() *slog.Logger { return slog.New(slog.NewTextHandler(w.logs, nil)) }

func TestABlockedTaskRestsOrFailsAsThePolicySays(t *testing.T) {
	t.Parallel()
	for policy, want := range map[orchestration.BlockedPolicy]workflow.TaskState{
		"": workflow.TaskBlockedByFailures, orchestration.BlockedRests: workflow.TaskBlockedByFailures, orchestration.BlockedFails: workflow.TaskError,
	} {
		w := newWorld(t, func(d *orchestration.Dependencies) { d.Config.Blocked, d.Config.DeadLetters = policy, true })
		w.register(t, "one", "always_unique", step("a"), step("b", "a"))
		task := w.fail(t, "one")
		require.NoError(t, w.Caretaker.Round(t.Context()))
		require.NoError(t, w.Caretaker.Round(t.Context()), "again is harmless")
		state, err := w.store.TaskState(t.Context(), task)
		require.NoError(t, err)
		require.Equal(t, want, state)
		letter, err := w.store.DeadLetterOf(t.Context(), task)
		require.NoError(t, err)
		require.Equal(t, store.DLQPermanentFailure, letter.Reason)
		require.Equal(t, workflow.TaskBlockedByFailures, letter.OriginalState)
		view, err := w.store.Task(t.Context(), task)
		require.NoError(t, err)
		require.Equal(t, want.Terminal(), view.CompletedAt != nil)
	}
}

func TestWithoutDeadLettersABlockedTaskFailsAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *orchestration.Dependencies) { d.Config.Blocked = orchestration.BlockedFails })
	w.register(t, "one", "always_unique", step("a"))
	task := w.fail(t, "one")
	rest, forget := w.Endings.Await(task)
	defer forget()
	require.NoError(t, w.Caretaker.Round(t.Context()))
	require.Equal(t, workflow.TaskError, <-rest)
	_, err := w.store.DeadLetterOf(t.Context(), task)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// aMinute is how long tasks may go without a move.
var aMinute = store.StalenessThresholds{
	WaitingForDependencies: time.Minute, WaitingForRetry: time.Minute, StepsInProcess: time.Minute, Lifetime: 24 * time.Hour,
}

func TestAStaleTaskIsEndedOrOnlyNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "one", "always_unique", step("a"))
	running := w.create(t, "one")
	require.Len(t, w.claim(t), 1)
	queued := w.create(t, "one")
	w.db.Exec(t, `update tasker.step_transitions set at = at - interval '1 hour'; update tasker.tasks set created_at = created_at - interval '1 hour'`)
	cfg := orchestration.StalenessConfig{DryRun: true, Thresholds: aMinute}
	named, err := orchestration.NewStalenessDetector(w.store, cfg, w.quiet()).Detect(t.Context())
	require.NoError(t, err)
	require.Len(t, named, 2)
	require.Equal(t, "would_transition_to_dlq_and_error", named[0].Action)
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.tasks_dlq"))

	cfg.DryRun = false
	done, err := orchestration.NewStalenessDetector(w.store, cfg, w.quiet()).Detect(t.Context())
	require.NoError(t, err)
	actions := map[sdk.UUID]string{}
	for _, d := range done {
		actions[d.Task.TaskUUID] = d.Action
	}
	require.Equal(t, map[sdk.UUID]string{running: "transitioned_to_dlq_and_error", queued: "moved_to_dlq_only"}, actions)
	state, err := w.store.TaskState(t.Context(), running)
	require.NoError(t, err)
	require.Equal(t, workflow.TaskError, state)
	steps, err := w.store.Steps(t.Context(), running, true)
	require.NoError(t, err)
	require.Equal(t, orchestration.ErrTypeStale, steps[0].Results.Error.ErrorType)
	require.Contains(t, steps[0].Results.Error.Message, "the task was steps_in_process and had not moved for 1h0m")

	again, err := orchestration.NewStalenessDetector(w.store, cfg, w.quiet()).Detect(t.Context())
	require.NoError(t, err)
	require.Empty(t, again, "a task is reported once")
}

func TestASearchForStaleTasksGoesOnBehindThoseThatStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "one", "always_unique", step("a"))
	open := []sdk.UUID{w.create(t, "one"), w.create(t, "one"), w.create(t, "one")}
	w.db.Exec(t, `update tasker.step_transitions set at = at - interval '1 hour'; update tasker.tasks set created_at = created_at - interval '1 hour'`)
	cfg := orchestration.StalenessConfig{BatchSize: 1, Thresholds: aMinute}
	for _, dry := range []bool{true, false} {
		cfg.DryRun = dry
		detector := orchestration.NewStalenessDetector(w.store, cfg, w.quiet())
		var found []sdk.UUID
		for range open {
			done, err := detector.Detect(t.Context())
			require.NoError(t, err)
			require.Len(t, done, 1, "the batch size")
			found = append(found, done[0].Task.TaskUUID)
		}
		require.ElementsMatch(t, open, found, "dry run: %v", dry)
	}
}

func TestARoundOfRetentionRemovesWhatIsOldAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "one", "always_unique", step("a"))
	for range 5 {
		w.cancel(t, w.create(t, "one"))
	}
	open := w.create(t, "one")
	cfg := orchestration.RetentionConfig{FinishedTasks: time.Nanosecond, DomainEvents: time.Nanosecond, Archives: time.Nanosecond, BatchSize: 2}
	require.NoError(t, w.store.PublishDomainEvents(t.Context(), "n", []store.DomainEvent{{EventID: sdk.NewUUID(), Name: "a.b", Body: []byte(`{}`)}}))
	none, err := orchestration.NewRetentionService(w.store, orchestration.RetentionConfig{}, w.quiet()).Round(t.Context())
	require.NoError(t, err)
	require.Zero(t, none, "ages of zero keep everything")
	w.removes(t, cfg, orchestration.Removed{Tasks: 5, DomainEvents: 1})
	_, err = w.store.Task(t.Context(), open)
	require.NoError(t, err)
}

func TestRetentionTakesFewerTasksAtOnceWhereTheyTakeTooLongTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "one", "always_unique", step("a"))
	for range 5 {
		w.cancel(t, w.create(t, "one"))
	}
	w.db.Exec(t, `create function too_long() returns trigger language plpgsql as $$ begin
			if (select count(*) from gone) > 1 then raise 'canceling statement due to statement timeout' using errcode = '57014'; end if;
			return null;
		end $$;
		create trigger too_long after delete on tasker.tasks referencing old table as gone for each statement execute function too_long()`)
	w.removes(t, orchestration.RetentionConfig{FinishedTasks: time.Nanosecond, BatchSize: 4}, orchestration.Removed{Tasks: 5})
}

// removes does rounds of retention until they have removed so many tasks and events.
func (w *world) removes(t testing.TB, cfg orchestration.RetentionConfig, want orchestration.Removed) {
	t.Helper()
	service := orchestration.NewRetentionService(w.store, cfg, w.quiet())
	var total orchestration.Removed
	testkit.Eventually(t, func() bool { // UUIDs are ordered by the millisecond, in which the last task may have been made
		removed, err := service.Round(t.Context())
		require.NoError(t, err)
		total.Tasks, total.DomainEvents = total.Tasks+removed.Tasks, total.DomainEvents+removed.DomainEvents
		return total == want
	}, "something old stays")
}

func (w *world) cancel(t testing.TB, task sdk.UUID) {
	t.Helper()
	_, err := w.store.CancelTask(context.Background(), task, "ada", "")
	require.NoError(t, err)
}
