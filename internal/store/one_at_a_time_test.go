package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// A task that comes and ends its steps alone goes through functions of the database, one that does so beside another through
// the statements for batches. Whatever happens, the same is left behind and the same is told.
func TestOneAtATimeDoesWhatABatchDoes(t *testing.T) {
	t.Parallel()
	other := func(no int) string { return []string{"h", "elsewhere", "h", "h", "h"}[no] }
	for name, c := range map[string]struct {
		shape  shape
		callee func(no int) string
		lease  func(t *testing.T, w *world, l store.Lease) store.Lease
		// rounds are steps that end together; a step below zero fails, and is otherwise the step of its number.
		rounds [][]int32
		ends   workflow.TaskState
	}{
		"a single step":                     {shape: single, rounds: [][]int32{{0}}, ends: workflow.TaskComplete},
		"a chain":                           {shape: chain, rounds: [][]int32{{0}, {1}, {2}}, ends: workflow.TaskComplete},
		"several children, several parents": {shape: diamond, rounds: [][]int32{{0}, {2}, {1}, {3}}, ends: workflow.TaskComplete},
		"several roots":                     {shape: roots(3), rounds: [][]int32{{1}, {0}, {2}}, ends: workflow.TaskComplete},
		"many children":                     {shape: wide(9), rounds: [][]int32{{0}, {4}}, ends: workflow.TaskStepsInProcess},
		"a failure":                         {shape: chain, rounds: [][]int32{{0}, {-1}}, ends: workflow.TaskBlockedByFailures},
		"a failure and a later success":     {shape: diamond, rounds: [][]int32{{0}, {-1}, {2}}, ends: workflow.TaskBlockedByFailures},
		"two failures":                      {shape: diamond, rounds: [][]int32{{0}, {-1}, {-2}}, ends: workflow.TaskBlockedByFailures},
		"no steps":                          {shape: shape{}, ends: workflow.TaskComplete},
		"a child for others": {shape: diamond, callee: other, rounds: [][]int32{{0}, {2}}, ends: workflow.TaskStepsInProcess, lease: func(t *testing.T, w *world, l store.Lease) store.Lease {
			l.Handlers = []int32{w.handler(t, "h")}
			return l
		}},
		"a worker without slots": {shape: chain, ends: workflow.TaskStepsInProcess, lease: func(_ *testing.T, _ *world, l store.Lease) store.Lease {
			l.Budget = 0
			return l
		}},
		"a worker that lost its lease": {shape: chain, ends: workflow.TaskStepsInProcess, lease: func(t *testing.T, w *world, l store.Lease) store.Lease {
			w.expire(t, l.WorkerID)
			return l
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			callee := c.callee
			if callee == nil {
				callee = func(int) string { return "h" }
			}
			template := w.register(t, c.shape, callee)
			l := w.worker(t, 100)
			if c.lease != nil {
				l = c.lease(t, w, l)
			}
			ears := w.listen(t, "tasker_ready")
			tasks := tasksOf(template, 4)
			run := func(tasks []store.NewTask, apply func(t testing.TB, l store.Lease, outcomes ...store.Outcome) store.Applied) (told []string) {
				created, err := w.CreateTasks(t.Context(), tasks, l)
				require.NoError(t, err)
				told = append(told, leasedOf(tasks[0], created.Leased))
				for _, round := range c.rounds {
					var outcomes []store.Outcome
					for i := range tasks {
						for _, no := range round {
							kind := store.OutcomeComplete
							if no < 0 {
								kind = store.OutcomeError
							}
							outcomes = append(outcomes, outcome(tasks[i].TaskUUID, max(no, -no), 1, kind))
						}
					}
					applied := apply(t, l, outcomes...)
					told = append(told, leasedOf(tasks[0], applied.Leased))
					for _, e := range applied.Ended {
						if e.TaskUUID == tasks[0].TaskUUID {
							told = append(told, string(e.State))
						}
					}
					again := apply(t, l, outcomes...)
					require.True(t, again.Again)
					require.Empty(t, again.Leased)
					require.Empty(t, again.Ended)
				}
				return append(told, strings.Join(ears.heard(t), " "))
			}
			alone, begun, beside := run(tasks[:1], w.apply), run(tasks[1:2], w.begin), run(tasks[2:], w.apply)
			require.Equal(t, beside, alone)
			require.Equal(t, beside, begun)
			for _, task := range tasks[:2] {
				require.Equal(t, w.left(t, tasks[2].TaskUUID), w.left(t, task.TaskUUID))
				require.Equal(t, c.ends, w.taskState(t, task.TaskUUID))
			}
		})
	}
}

func leasedOf(task store.NewTask, steps []store.LeasedStep) string {
	var of []string
	for _, s := range steps {
		if s.TaskUUID == task.TaskUUID {
			of = append(of, s.Name)
		}
	}
	slices.Sort(of)
	return "leased: " + strings.Join(of, " ")
}

// left is all that the engine keeps of a task, without what tells tasks apart.
func (w *world) left(t testing.TB, task sdk.UUID) []string {
	t.Helper()
	return texts[string](t, w, `
		select concat_ws(' ', 'task', state, priority, sinks_left, failed_steps, initiator, tags, context, start_at is null, completed_at is null)
		from tasker.tasks where task_uuid = $1
		union all select * from (select concat_ws(' ', 'step', step_no, state, waiting_on, attempt, crashes, forgiven, worker_id, handler_id, priority,
			sink, run_at, name, children, parents, inputs, checkpoint, result, outcome) from tasker.workflow_steps where task_uuid = $1 order by step_no) s
		union all select * from (select concat_ws(' ', 'ready', handler_id, priority, step_no) from tasker.ready_steps where task_uuid = $1 order by step_no) q
		union all select concat_ws(' ', 'claim', worker_id) from tasker.task_claims where task_uuid = $1
		union all select * from (select concat_ws(' ', 'moved', step_no, attempt, worker_id, exec_ms, path, detail) from tasker.step_transitions
			where task_uuid = $1 order by step_no, attempt, path) m
		union all select * from (select concat_ws(' ', 'walked', path, detail) from tasker.task_transitions where task_uuid = $1 order by transition_id) p`, task)
}

func TestALoneOutcomeLeasesNoMoreChildrenThanThereAreSlots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, wide(4))
	l := w.worker(t, 2)
	task := w.create(t, template, l)
	ears := w.listen(t, "tasker_ready")
	leased := w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete)).Leased
	require.Equal(t, []string{"step_1", "step_2"}, []string{leased[0].Name, leased[1].Name})
	require.Len(t, leased, 2)
	require.Len(t, ears.heard(t), 1)
	require.Equal(t, 2, w.db.Count(t, "select count(*) from tasker.ready_steps"))
}

func TestALoneTaskWhoseIdentityExistsIsNotMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 1)
	task := taskOf(template)
	for _, existing := range []map[int]sdk.UUID{nil, {0: task.TaskUUID}} {
		again := taskOf(template)
		if existing == nil {
			again = task
		}
		again.IdentityHash = task.IdentityHash
		created, err := w.CreateTasks(t.Context(), []store.NewTask{again}, l)
		require.NoError(t, err)
		require.Equal(t, existing, created.Existing)
	}
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.workflow_steps"))
}

// The plans of what functions do inside are not to be had from outside. What they read is counted.
func TestFunctionsOfTheEngineReadGrowingTablesByIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, wide(3))
	l := w.worker(t, 10_000)
	_, err := w.CreateTasks(t.Context(), tasksOf(template, 2000), l)
	require.NoError(t, err)
	w.db.Exec(t, "vacuum analyze")
	scans := func() []string {
		w.db.Exec(t, "select pg_stat_force_next_flush()")
		return texts[string](t, w, `select relname || ' ' || seq_scan from pg_stat_user_tables where relname = any($1) order by 1`, growing)
	}
	one, err := store.Open(t.Context(), w.db.DSN(), store.Options{EngineConnections: 1})
	require.NoError(t, err)
	before := scans()
	task := taskOf(template)
	_, err = one.CreateTasks(t.Context(), []store.NewTask{task}, l)
	require.NoError(t, err)
	for no := range int32(5) {
		applied, err := one.ApplyOutcomes(t.Context(), []store.Outcome{outcome(task.TaskUUID, no, 1, store.OutcomeComplete)}, l)
		require.NoError(t, err)
		require.Empty(t, applied.Stale)
	}
	one.Close() // which has its counters added up
	gone := func() bool {
		return w.db.Count(t, "select count(*) from pg_stat_activity where datname = current_database() and query like '/* tasker:end_attempt%'") == 0
	}
	testkit.Eventually(t, gone, "the connection stays")
	require.Equal(t, before, scans())
}
