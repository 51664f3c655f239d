package store_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// elapse lets so much time pass for all timers.
func (w *world) elapse(t testing.TB, d time.Duration) {
	t.Helper()
	w.db.Exec(t, `update tasker.step_timers set run_at = run_at - $1::interval`, d)
	w.db.Exec(t, `update tasker.workflow_steps set run_at = run_at - $1::interval where run_at is not null`, d)
}

// retryIn ends a step's attempt; the next one is due after the delay.
func (w *world) retryIn(t testing.TB, task sdk.UUID, no, attempt int32, delay time.Duration) {
	t.Helper()
	o := outcome(task, no, attempt, store.OutcomeRetry)
	o.Delay = delay
	require.Empty(t, w.apply(t, store.Lease{}, o).Stale)
}

func (w *world) fire(t testing.TB) int {
	t.Helper()
	n, err := w.FireTimers(t.Context())
	require.NoError(t, err)
	return n
}

func TestATimerReadiesItsStepWhenItsTimeHasComeAndNotBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(2))
	l := w.worker(t, 2)
	task := w.create(t, template, l)
	w.retryIn(t, task, 0, 1, time.Minute)
	w.retryIn(t, task, 1, 1, time.Hour)
	ready := w.listen(t, "tasker_ready")
	require.Zero(t, w.fire(t))
	require.Empty(t, ready.heard(t))

	w.elapse(t, 2*time.Minute)
	require.Equal(t, 1, w.fire(t))
	require.Len(t, ready.heard(t), 1)
	row := w.step(t, task, 0)
	require.Equal(t, stepRow{State: workflow.StepEnqueued, Attempt: 1, Outcome: row.Outcome, Queued: 1}, row)
	require.Equal(t, "waiting_for_retry pending enqueued", w.trail(t, task, 0)[2])
	require.Equal(t, workflow.StepWaitingForRetry, w.step(t, task, 1).State)
	require.Zero(t, w.fire(t))
	require.Len(t, w.claim(t, l), 1)
	require.EqualValues(t, 2, w.step(t, task, 0).Attempt)
}

func TestADelayedTaskStartsWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	task := taskOf(w.register(t, shape{{}, {}, {0, 1}}))
	task.Delay = time.Minute
	_, err := w.CreateTasks(t.Context(), []store.NewTask{task}, store.Lease{})
	require.NoError(t, err)
	w.elapse(t, 2*time.Minute)
	require.Equal(t, 2, w.fire(t))
	require.Equal(t, workflow.TaskStepsInProcess, w.taskState(t, task.TaskUUID))
	require.Equal(t, []string{"pending", "pending initializing enqueuing_steps steps_in_process"}, w.taskTrail(t, task.TaskUUID))
	for no := range int32(2) {
		require.Equal(t, stepRow{State: workflow.StepEnqueued, Queued: 1}, w.step(t, task.TaskUUID, no))
		require.Equal(t, []string{"pending enqueued"}, w.trail(t, task.TaskUUID, no))
	}
	require.Equal(t, stepRow{State: workflow.StepPending, WaitingOn: 2}, w.step(t, task.TaskUUID, 2))
}

func TestTimersOfCancelledTasksVanish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 1)
	retried, delayed := w.create(t, template, l), taskOf(template)
	w.retryIn(t, retried, 0, 1, time.Minute)
	delayed.Delay = time.Minute
	_, err := w.CreateTasks(t.Context(), []store.NewTask{delayed}, store.Lease{})
	require.NoError(t, err)
	for _, task := range []sdk.UUID{retried, delayed.TaskUUID} {
		_, err := w.CancelTask(t.Context(), task, "me", "")
		require.NoError(t, err)
	}
	w.elapse(t, 2*time.Minute)
	require.Equal(t, 2, w.fire(t))
	require.Zero(t, w.db.Count(t, "select (select count(*) from tasker.step_timers) + (select count(*) from tasker.ready_steps)"))
	require.Equal(t, []workflow.StepState{workflow.StepCancelled}, w.states(t, retried))
	require.Equal(t, workflow.TaskCancelled, w.taskState(t, delayed.TaskUUID))
}

func TestTimersFireOnceHoweverManyFireThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const firers, tasks, width = 6, 50, 50
	batch := tasksOf(w.register(t, roots(width)), tasks)
	for i := range batch {
		batch[i].Delay = time.Minute
	}
	_, err := w.CreateTasks(t.Context(), batch, store.Lease{})
	require.NoError(t, err)
	w.elapse(t, time.Hour)
	var total atomic.Int64
	var g errgroup.Group
	for range firers {
		g.Go(func() error {
			for {
				n, err := w.FireTimers(t.Context())
				if err != nil || n == 0 {
					return err
				}
				total.Add(int64(n))
			}
		})
	}
	require.NoError(t, g.Wait())
	require.EqualValues(t, tasks*width, total.Load())
	require.Equal(t, tasks*width, w.db.Count(t, "select count(*) from tasker.ready_steps"))
	require.Equal(t, tasks*width, w.db.Count(t, "select count(*) from tasker.step_transitions"))
	require.Equal(t, 2*tasks, w.db.Count(t, "select count(*) from tasker.task_transitions"))
}

func TestATimerOfAnEarlierAttemptReadiesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 1)
	task := w.create(t, template, l)
	w.retryIn(t, task, 0, 1, time.Minute)
	w.elapse(t, time.Hour)
	require.Equal(t, 1, w.fire(t))
	w.claim(t, l)
	w.retryIn(t, task, 0, 2, time.Minute)
	w.db.Exec(t, `insert into tasker.step_timers values (clock_timestamp() - interval '1 second', $1, 0, 1)`, task)
	require.Equal(t, 1, w.fire(t))
	row := w.step(t, task, 0)
	require.Equal(t, workflow.StepWaitingForRetry, row.State)
	require.Equal(t, 1, row.Timers)
}

func TestTheNextTimerIsTheEarliestByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(3))
	_, ok, err := w.NextTimer(t.Context())
	require.NoError(t, err)
	require.False(t, ok)

	task := w.create(t, template, w.worker(t, 3))
	for no, delay := range []time.Duration{20 * 24 * time.Hour, 36 * time.Hour, time.Minute} {
		w.retryIn(t, task, int32(no), 1, delay)
		until, ok, err := w.NextTimer(t.Context())
		require.NoError(t, err)
		require.True(t, ok)
		require.InDelta(t, delay, until, float64(10*time.Second))
	}
	w.elapse(t, time.Hour)
	until, ok, err := w.NextTimer(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	require.InDelta(t, -59*time.Minute, until, float64(10*time.Second))
}
