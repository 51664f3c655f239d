package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// queue makes a task of a single step for each priority, in this order.
func (w *world) queue(t testing.TB, template int32, priorities ...int32) []sdk.UUID {
	t.Helper()
	tasks := make([]sdk.UUID, len(priorities))
	for i, p := range priorities {
		task := taskOf(template)
		task.Priority = p
		_, err := w.CreateTasks(t.Context(), []store.NewTask{task}, store.Lease{})
		require.NoError(t, err)
		tasks[i] = task.TaskUUID
	}
	return tasks
}

func TestAClaimLeasesAStepUnderANewToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	task := w.create(t, w.register(t, single), store.Lease{})
	l := w.worker(t, 5)
	steps, more, err := w.ClaimSteps(t.Context(), l)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, steps, 1)
	require.Equal(t, store.LeasedStep{
		WorkerID: l.WorkerID, TaskUUID: task, Counts: workflow.AttemptCounts{Attempt: 1}, HandlerID: w.handlers[0], Name: "step_0",
	}, steps[0].LeasedStep)
	require.Equal(t, stepRow{State: workflow.StepInProgress, Attempt: 1, Worker: l.WorkerID}, w.step(t, task, 0))
	require.Equal(t, []string{"pending enqueued", "enqueued in_progress"}, w.trail(t, task, 0))

	steps, more, err = w.ClaimSteps(t.Context(), l)
	require.NoError(t, err)
	require.False(t, more)
	require.Empty(t, steps)
}

func TestTheMostUrgentStepsAreClaimedFirstAndOfThoseTheOldest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	priorities := []int32{0, -100, 5, 0, 100, 5, -1, 0}
	tasks := w.queue(t, template, priorities...)
	l := w.worker(t, 1)
	for _, at := range []int{4, 2, 5, 0, 3, 7, 6, 1} {
		steps, more, err := w.ClaimSteps(t.Context(), l)
		require.NoError(t, err)
		require.Len(t, steps, 1)
		require.Equal(t, tasks[at], steps[0].TaskUUID, "priority %d", steps[0].Task.Priority)
		require.Equal(t, at != 1, more)
	}
}

func TestUrgencyCountsAcrossHandlers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := w.register(t, single, func(int) string { return "slow" })
	quick := w.register(t, single, func(int) string { return "quick" })
	low, high := w.queue(t, slow, 1, 1, 1), w.queue(t, quick, 2, 2)
	l := w.worker(t, 3)
	l.Handlers = []int32{w.handler(t, "slow"), w.handler(t, "quick")}
	var got []sdk.UUID
	for _, s := range w.claim(t, l) {
		got = append(got, s.TaskUUID)
	}
	require.ElementsMatch(t, []sdk.UUID{high[0], high[1], low[0]}, got)
}

func TestAWorkerClaimsOnlyWhatItServes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(4), func(no int) string { return fmt.Sprintf("h%d", no) })
	w.create(t, template, store.Lease{})
	l := w.worker(t, 10)
	l.Handlers = []int32{w.handler(t, "h1"), w.handler(t, "h3")}
	claimed := map[int32]bool{}
	for _, s := range w.claim(t, l) {
		claimed[s.StepNo] = true
	}
	require.Equal(t, map[int32]bool{1: true, 3: true}, claimed)
	l.Handlers = nil
	require.Empty(t, w.claim(t, l))
}

func TestAWorkerThatMayHaveNothingClaimsNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, w *world, l *store.Lease){
		"it has no slot":        func(_ *testing.T, _ *world, l *store.Lease) { l.Budget = 0 },
		"it is unknown":         func(_ *testing.T, _ *world, l *store.Lease) { l.WorkerID += 1000 },
		"its lease has run out": func(t *testing.T, w *world, l *store.Lease) { w.expire(t, l.WorkerID) },
		"it has stopped": func(t *testing.T, w *world, l *store.Lease) {
			require.NoError(t, w.StopWorker(t.Context(), l.WorkerID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.create(t, w.register(t, roots(3)), store.Lease{})
			l := w.worker(t, 10)
			change(t, w, &l)
			before := w.everything(t)
			require.Empty(t, w.claim(t, l))
			require.Equal(t, before, w.everything(t))
		})
	}
}

func TestAClaimTakesNoMoreThanThereAreSlotsAndSaysThatThereIsMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.CreateTasks(t.Context(), tasksOf(w.register(t, roots(5)), 5), store.Lease{})
	require.NoError(t, err)
	l := w.worker(t, 10)
	for left := 25; left > 0; {
		steps, more, err := w.ClaimSteps(t.Context(), l)
		require.NoError(t, err)
		require.Len(t, steps, min(10, left))
		left -= len(steps)
		require.Equal(t, left > 0, more)
	}
}

func TestStepsOfCancelledTasksVanishFromTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	tasks := w.queue(t, template, 9, 8, 7, 6)
	for _, task := range tasks[:2] {
		_, err := w.CancelTask(t.Context(), task, "me", "")
		require.NoError(t, err)
	}
	var claimed []sdk.UUID
	l := w.worker(t, 1)
	for w.db.Count(t, "select count(*) from tasker.ready_steps") > 0 {
		for _, s := range w.claim(t, l) {
			claimed = append(claimed, s.TaskUUID)
		}
	}
	require.Equal(t, tasks[2:], claimed)
}

func TestAClaimStepsAroundWhatOthersAreTaking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	tasks := w.queue(t, template, 3, 2, 1)
	tx, err := w.db.Pool(t).Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(context.Background())
	_, err = tx.Exec(t.Context(), "select from tasker.ready_steps where priority = 3 for update")
	require.NoError(t, err)
	l := w.worker(t, 1)
	steps := w.claim(t, l)
	require.Len(t, steps, 1)
	require.Equal(t, tasks[1], steps[0].TaskUUID)
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, tasks[0], w.claim(t, l)[0].TaskUUID)
}

func TestOfManyWhoClaimAtTheSameTimeEachStepIsGivenToOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const claimers, tasks, width = 8, 100, 40
	_, err := w.CreateTasks(t.Context(), tasksOf(w.register(t, roots(width)), tasks), store.Lease{})
	require.NoError(t, err)
	leases := make([]store.Lease, claimers)
	for i := range leases {
		leases[i] = w.worker(t, 7+i)
	}
	var mu sync.Mutex
	owners := map[string]int32{}
	var g errgroup.Group
	for _, l := range leases {
		g.Go(func() error {
			for {
				steps, more, err := w.ClaimSteps(t.Context(), l)
				if err != nil || !more && len(steps) == 0 {
					return err
				}
				mu.Lock()
				for _, s := range steps {
					key := fmt.Sprint(s.TaskUUID, s.StepNo)
					if other, ok := owners[key]; ok {
						mu.Unlock()
						return fmt.Errorf("step %s was given to workers %d and %d", key, other, l.WorkerID)
					}
					owners[key] = l.WorkerID
				}
				mu.Unlock()
			}
		})
	}
	require.NoError(t, g.Wait())
	require.Len(t, owners, tasks*width)
	require.Equal(t, tasks*width, w.db.Count(t, "select count(*) from tasker.workflow_steps where attempt = 1 and state = 'in_progress'"))
	for _, l := range leases {
		held, err := w.HeldSteps(t.Context(), l.WorkerID)
		require.NoError(t, err)
		for _, s := range held {
			require.Equal(t, l.WorkerID, owners[fmt.Sprint(s.TaskUUID, s.StepNo)])
		}
	}
}

func TestASmallContextComesWithTheStepAndALargeOneWhenAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(1))
	for _, length := range []int{10, 500_000} {
		task := taskOf(template)
		task.Context = fmt.Appendf(nil, `{"text": "%0*d"}`, length, 7)
		_, err := w.CreateTasks(t.Context(), []store.NewTask{task}, store.Lease{})
		require.NoError(t, err)
		claimed := w.claim(t, w.worker(t, 1))
		require.Len(t, claimed, 1)
		if length < 100 {
			require.JSONEq(t, string(task.Context), string(claimed[0].Task.Context))
		} else {
			require.Empty(t, claimed[0].Task.Context)
		}
		asked, err := w.TaskContext(t.Context(), task.TaskUUID)
		require.NoError(t, err)
		require.JSONEq(t, string(task.Context), string(asked))
	}
}

func TestHeldStepsAreThoseThatTheWorkerRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(3))
	l, other := w.worker(t, 2), w.worker(t, 1)
	task := taskOf(template)
	task.Priority, task.ParentCorrelationID = 4, sdk.NewUUID()
	created, err := w.CreateTasks(t.Context(), []store.NewTask{task}, l)
	require.NoError(t, err)
	require.Len(t, w.claim(t, other), 1)
	w.apply(t, store.Lease{}, completed(created.Leased[0])...)

	held, err := w.HeldSteps(t.Context(), l.WorkerID)
	require.NoError(t, err)
	require.Equal(t, []store.ClaimedStep{{LeasedStep: created.Leased[1], Task: store.TaskHeader{
		TaskUUID: task.TaskUUID, TemplateID: template, CorrelationID: task.CorrelationID,
		ParentCorrelationID: task.ParentCorrelationID, Priority: 4, Context: task.Context,
	}}}, held)
	held, err = w.HeldSteps(t.Context(), l.WorkerID+1000)
	require.NoError(t, err)
	require.Empty(t, held)
}

func TestResultsAreThoseOfStepsThatSatisfyTheirDependents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(5))
	l := w.worker(t, 5)
	task := w.create(t, template, l)
	failed := outcome(task, 1, 1, store.OutcomeError)
	failed.Result = json.RawMessage(`{"half": "done"}`)
	null := outcome(task, 2, 1, store.OutcomeComplete)
	null.Result = json.RawMessage(`null`)
	w.apply(t, store.Lease{}, outcome(task, 0, 1, store.OutcomeComplete), failed, null)

	results, err := w.StepResults(t.Context(), task, []int32{0, 1, 2, 3, 99})
	require.NoError(t, err)
	require.Len(t, results, 2)
	require.JSONEq(t, `{"step": 0, "attempt": 1}`, string(results[0]))
	require.JSONEq(t, `null`, string(results[2]))
	results, err = w.StepResults(t.Context(), sdk.NewUUID(), []int32{0})
	require.NoError(t, err)
	require.Empty(t, results)
	_, err = w.TaskContext(t.Context(), sdk.NewUUID())
	require.ErrorIs(t, err, store.ErrNotFound)
}
