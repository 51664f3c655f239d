package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

func TestAPausedTaskStartsNothingUntilItIsResumed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, shape{{}, {}, {}, {0}, {1, 2}})
	l := w.worker(t, 10)
	task := w.create(t, template, store.Lease{})
	claimed := w.claim(t, store.Lease{WorkerID: l.WorkerID, Handlers: l.Handlers, Budget: 2}) // steps 0 and 1 run, 2 is queued
	require.Len(t, claimed, 2)
	require.NoError(t, w.PauseTask(t.Context(), by(task, "pause")))
	require.ErrorIs(t, w.PauseTask(t.Context(), by(task, "pause")), store.ErrConflict)
	view, err := w.Task(t.Context(), task)
	require.NoError(t, err)
	require.NotNil(t, view.PausedAt)

	applied := w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete)) // what runs may finish
	require.Empty(t, applied.Leased, "its dependant is not handed on")
	again := outcome(task, 1, 1, store.OutcomeRetry)
	w.apply(t, l, again)
	w.db.Exec(t, "update tasker.step_timers set run_at = clock_timestamp()")
	w.db.Exec(t, "update tasker.workflow_steps set run_at = clock_timestamp() where run_at is not null")
	_, err = w.FireTimers(t.Context())
	require.NoError(t, err)
	require.Empty(t, w.claim(t, l), "neither a retry nor what was queued is taken")
	require.Equal(t, workflow.TaskStepsInProcess, w.stateOf(t, task))
	w.intact(t)

	require.NoError(t, w.ResumeTask(t.Context(), by(task, "resume")))
	require.ErrorIs(t, w.ResumeTask(t.Context(), by(task, "resume")), store.ErrConflict)
	_, err = w.FireTimers(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []int32{1, 2, 3, 4}, w.run(t, l))
	require.Equal(t, workflow.TaskComplete, w.stateOf(t, task))
}

func TestADelayedTaskThatWasPausedStartsAtItsTimeOnceItIsResumed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	delayed := taskOf(w.register(t, chain))
	delayed.Delay = time.Hour
	_, err := w.CreateTasks(t.Context(), []store.NewTask{delayed}, store.Lease{})
	require.NoError(t, err)
	task := delayed.TaskUUID
	require.NoError(t, w.PauseTask(t.Context(), by(task, "pause")))
	w.db.Exec(t, "update tasker.step_timers set run_at = clock_timestamp()")
	w.db.Exec(t, "update tasker.workflow_steps set run_at = clock_timestamp() where run_at is not null")
	fired, err := w.FireTimers(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, fired)
	require.Equal(t, workflow.TaskPending, w.stateOf(t, task))
	require.NoError(t, w.ResumeTask(t.Context(), by(task, "resume")))
	_, err = w.FireTimers(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int32{0, 1, 2}, w.run(t, w.worker(t, 10)))
}

func TestCrashedAndReleasedStepsOfAPausedTaskAreHeldToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(3))
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	require.NoError(t, w.PauseTask(t.Context(), by(task, "pause")))
	w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeCrash), outcome(task, 1, 1, store.OutcomeRelease), outcome(task, 2, 1, store.OutcomeError))
	require.Empty(t, w.claim(t, l))
	w.reset(t, task, 2)
	require.Empty(t, w.claim(t, l), "a step that is reset waits with the others")
	require.NoError(t, w.ResumeTask(t.Context(), by(task, "resume")))
	require.ElementsMatch(t, []int32{0, 1, 2}, w.run(t, l))
}
