package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// force moves a step behind the engine's back, as a repair by hand would.
func (w *world) force(t testing.TB, task sdk.UUID, no int32, to workflow.StepState) {
	t.Helper()
	w.db.Exec(t, `with s as (select task_uuid, step_no, attempt, state from tasker.workflow_steps where task_uuid = $1 and step_no = $2),
		moved as (insert into tasker.step_transitions (task_uuid, step_no, attempt, path)
			select task_uuid, step_no, attempt, array[state, $3::text::tasker.step_state] from s)
		update tasker.workflow_steps w set state = $3::text::tasker.step_state, worker_id = null
		from s where s.task_uuid = w.task_uuid and s.step_no = w.step_no`, task, no, string(to))
}

func TestFinalizingMovesATaskToWhereItsStepsAre(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ends   map[int32]store.OutcomeKind
		forced map[int32]workflow.StepState
		want   workflow.TaskState
		moves  string
	}{
		"nothing to do": {nil, nil, workflow.TaskStepsInProcess, ""},
		"the failed steps are resolved, others still run": {
			map[int32]store.OutcomeKind{0: store.OutcomeError}, map[int32]workflow.StepState{0: workflow.StepResolvedManually},
			workflow.TaskStepsInProcess, "blocked_by_failures evaluating_results enqueuing_steps steps_in_process",
		},
		"the failed steps are resolved, all others are done": {
			map[int32]store.OutcomeKind{0: store.OutcomeError, 1: store.OutcomeComplete, 2: store.OutcomeComplete},
			map[int32]workflow.StepState{0: workflow.StepResolvedManually},
			workflow.TaskComplete, "blocked_by_failures evaluating_results complete",
		},
		"a step was failed by hand": {
			nil, map[int32]workflow.StepState{2: workflow.StepError},
			workflow.TaskBlockedByFailures, "steps_in_process evaluating_results blocked_by_failures",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			template := w.register(t, roots(3))
			l := w.worker(t, 3)
			task := w.create(t, template, l)
			for no, kind := range tt.ends {
				w.apply(t, store.Lease{}, outcome(task, no, 1, kind))
			}
			for no, state := range tt.forced {
				w.force(t, task, no, state)
			}
			before := w.taskTrail(t, task)
			state := w.taskState(t, task)
			from, to, err := w.FinalizeTask(t.Context(), task, workflow.DecideFinalization)
			require.NoError(t, err)
			require.Equal(t, state, from)
			require.Equal(t, tt.want, to)
			require.Equal(t, tt.want, w.taskState(t, task))
			after := w.taskTrail(t, task)
			if tt.moves == "" {
				require.Equal(t, before, after)
			} else {
				require.Equal(t, append(before, tt.moves), after)
			}
			_, again, err := w.FinalizeTask(t.Context(), task, workflow.DecideFinalization)
			require.NoError(t, err)
			require.Equal(t, tt.want, again)
			require.Equal(t, after, w.taskTrail(t, task))
		})
	}
}

func TestFinalizingSeesWhatTheTasksStepsAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, shape{{}, {0}, {0}, {0}, {0}, {0}, {1, 2, 3, 4, 5}})
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete))
	w.retryIn(t, task, 1, 1, 3600e9)
	w.apply(t, store.Lease{}, outcome(task, 2, 1, store.OutcomeError), outcome(task, 3, 1, store.OutcomeRelease))
	var seen workflow.TaskExecutionContext
	_, _, err := w.FinalizeTask(t.Context(), task, func(c workflow.TaskExecutionContext) workflow.TaskState {
		seen = c
		return c.State
	})
	require.NoError(t, err)
	require.Equal(t, workflow.TaskExecutionContext{
		State: workflow.TaskBlockedByFailures, Total: 7, Pending: 1, InProgress: 3, Completed: 1, Failed: 1, WaitingForRetry: 1,
	}, seen)
	_, _, err = w.FinalizeTask(t.Context(), sdk.NewUUID(), workflow.DecideFinalization)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.TaskState(t.Context(), sdk.NewUUID())
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestOfThoseWhoFinalizeATaskAtTheSameTimeOneMovesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(2))
	l := w.worker(t, 2)
	task := w.create(t, template, l)
	w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeError), outcome(task, 1, 1, store.OutcomeComplete))
	w.force(t, task, 0, workflow.StepResolvedManually)
	moved := make([]bool, 8)
	var g errgroup.Group
	for i := range moved {
		g.Go(func() error {
			from, to, err := w.FinalizeTask(t.Context(), task, workflow.DecideFinalization)
			moved[i] = from != to
			if err == nil && to != workflow.TaskComplete {
				err = errors.New("the task is " + string(to))
			}
			return err
		})
	}
	require.NoError(t, g.Wait())
	movers := 0
	for _, m := range moved {
		if m {
			movers++
		}
	}
	require.Equal(t, 1, movers)
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.task_claims"))
}

func TestRefusedStepsFailWithTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, shape{{}, {}, {0, 1}}, func(no int) string { return []string{"known", "unknown", "known"}[no] })
	unknown := w.handler(t, "unknown")
	tasks := make([]sdk.UUID, 3)
	for i := range tasks {
		tasks[i] = w.create(t, template, store.Lease{})
	}
	_, err := w.CancelTask(t.Context(), tasks[2], "me", "")
	require.NoError(t, err)
	n, err := w.RefuseReadySteps(t.Context(), unknown, json.RawMessage(`{"why": "nobody has it"}`))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	for _, task := range tasks[:2] {
		require.Equal(t, stepRow{State: workflow.StepError, Outcome: `{"why": "nobody has it"}`}, w.step(t, task, 1))
		require.Equal(t, []string{"pending enqueued", "enqueued error"}, w.trail(t, task, 1))
		require.Equal(t, workflow.TaskBlockedByFailures, w.taskState(t, task))
		require.Equal(t, workflow.StepEnqueued, w.step(t, task, 0).State)
	}
	n, err = w.RefuseReadySteps(t.Context(), unknown, json.RawMessage(`{}`))
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestAnyNumberOfStepsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.CreateTasks(t.Context(), tasksOf(w.register(t, roots(60)), 20), store.Lease{})
	require.NoError(t, err)
	totals := make([]int, 2)
	g, ctx := errgroup.WithContext(context.WithoutCancel(t.Context()))
	for i := range totals {
		g.Go(func() (err error) {
			totals[i], err = w.RefuseReadySteps(ctx, w.handlers[0], json.RawMessage(`{}`))
			return err
		})
	}
	require.NoError(t, g.Wait())
	rest, err := w.RefuseReadySteps(t.Context(), w.handlers[0], json.RawMessage(`{}`))
	require.NoError(t, err)
	require.Equal(t, 1200, totals[0]+totals[1]+rest)
	require.Equal(t, 20, w.db.Count(t, "select count(*) from tasker.tasks where failed_steps = 60 and state = 'blocked_by_failures'"))
}
