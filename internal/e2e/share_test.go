package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

func TestAServerAndTwoWorkersShareMixedTasksAndRunEachStepOnce(t *testing.T) {
	t.Parallel()
	for name, queued := range map[string]bool{"results in place": false, "results by queue": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.registerShapes(t)
			server := w.server(t, "server", role{Queued: queued})
			w1 := w.worker(t, "w1", role{Slots: 25, Queued: queued})
			w2 := w.worker(t, "w2", role{Slots: 25, Queued: queued})
			const tasks = 1000 // in each of the two modes
			require.Zero(t, w.submitMany(t.Context(), server, 8, tasks, mixed(1)))
			w.settled(t, 2*patience)
			w.requireNothingLost(t)
			w.requireOnce(t)
			w.requireKeyedEffects(t)
			w.requireIntact(t)
			ran := map[int]int{}
			for _, e := range w.effects(t) {
				ran[e.PID]++
			}
			require.Len(t, ran, 2, "the server ran steps, or a worker ran none")
			t.Logf("%d tasks, %d steps; w1 ran %d, w2 ran %d", tasks, len(w.effects(t))/2, ran[w1.cmd.Process.Pid]/2, ran[w2.cmd.Process.Pid]/2)
		})
	}
}

func TestProcessesThatCompleteStepsOfTheSameTasksNeitherDeadlockNorLoseAChild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "diamond", diamond()...)
	w.register(t, "wide", wide(16)...)
	// Crossed joins: each of the lower steps waits for all of the upper ones, which lie with different processes.
	w.register(t, "crossed", step("cut"), by("left", step("a", "cut")), by("right", step("b", "cut")),
		by("right", step("c", "a", "b")), by("left", step("d", "a", "b")), by("left", step("e", "c", "d")), by("right", step("f", "c", "d")))
	front := w.node(t, role{})
	w.worker(t, "left", role{Slots: 60, Handlers: []string{"work", "left"}})
	w.worker(t, "right", role{Slots: 60, Handlers: []string{"work", "right"}})
	const tasks = 1500
	names := []string{"diamond", "crossed", "diamond", "wide", "crossed"}
	require.Zero(t, w.submitMany(t.Context(), front, 16, tasks, func(n int) sdk.TaskRequest { return request(names[n%len(names)], nil) }))
	w.settled(t, 2*patience)
	w.requireNothingLost(t)
	w.requireOnce(t)
	w.requireIntact(t)
	joins := w.db.Count(t, `select count(*) from tasker.workflow_steps s join tasker.tasks t using (task_uuid)
		join tasker.template_steps p using (template_id, step_no) where cardinality(p.parents) > 1`)
	require.Greater(t, joins, 2000)
	deadlocks := w.db.Count(t, `select deadlocks from pg_stat_database where datname = current_database()`)
	t.Logf("%d joins, %d deadlocks", joins, deadlocks)
	require.Zero(t, deadlocks)
}

func TestConcurrentSubmitsOfOneKeyMakeOneTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(1)...)
	servers := []submitter{w.server(t, "s1", role{}), w.server(t, "s2", role{}), w.node(t, role{})}
	w.worker(t, "worker", role{})
	for round := range 20 {
		type answer struct {
			task     sdk.UUID
			existing bool
			err      error
		}
		answers := make(chan answer)
		for n := range 12 {
			go func() {
				r := request("linear", nil)
				r.IdempotencyKey = fmt.Sprint("key ", round)
				got, err := servers[n%len(servers)].submit(t.Context(), r)
				answers <- answer{got.TaskUUID, got.Existing, err}
			}()
		}
		made := map[sdk.UUID]int{}
		fresh := 0
		for range 12 {
			a := <-answers
			require.NoError(t, a.err)
			made[a.task]++
			if !a.existing {
				fresh++
			}
		}
		require.Len(t, made, 1)
		require.Equal(t, 1, fresh, "more than one request was told that it made the task")
	}
	w.settled(t, patience)
	require.Equal(t, 20, w.db.Count(t, `select count(*) from tasker.tasks where state = 'complete'`))
	w.requireOnce(t)
	w.requireIntact(t)
}

func TestTasksKeepTheContentOfTheTemplateTheyBeganWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(3)...)
	front := w.node(t, role{})
	w.worker(t, "worker", role{})
	old := w.submit(t, front, "linear", map[string]conduct{"s1": {MS: 800}})
	w.effectOf(t, old, "s1", "start", 1)

	w.force(t, "linear", append(linear(5), by("right", step("aside")))...)
	fresh := w.submit(t, w.node(t, role{}), "linear", nil)
	require.Equal(t, "complete", w.taskState(t, old))
	require.Equal(t, "complete", w.taskState(t, fresh))
	steps := func(task sdk.UUID) int {
		return w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'complete' and task_uuid = $1`, task)
	}
	require.Equal(t, []int{3, 6}, []int{steps(old), steps(fresh)})
	w.requireIntact(t)
}

func TestADelayedTaskStartsWhenItIsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(1)...)
	n := w.node(t, role{Handlers: allHandlers})
	task := w.submit(t, n, "linear", nil)
	require.Equal(t, "complete", w.taskState(t, task))
	retry := w.submit(t, n, "linear", map[string]conduct{"s1": {Fail: 1}})
	require.Equal(t, "complete", w.taskState(t, retry))
	require.Equal(t, 2, w.db.Count(t, `select count(*) from tasker.step_transitions where task_uuid = $1 and 'waiting_for_retry' = any(path)`, retry), "there and back")
	first, second := w.effectOf(t, retry, "s1", "start", 1), w.effectOf(t, retry, "s1", "start", 2)
	require.GreaterOrEqual(t, second.At.Sub(first.At), 850*time.Millisecond, "the backoff of a second, less jitter")
	w.requireIntact(t)
}
