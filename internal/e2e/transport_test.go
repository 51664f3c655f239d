package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk"
)

// transport is one of the ways in which processes hear of work, and what can go wrong on it. What they do must not differ.
type transport struct {
	name string
	// lose takes away all news of what is ready or done, and duplicate gives all of it once more, out of order.
	lose, duplicate string
}

var transports = []transport{
	{"postgres", "select", "select pg_notify('tasker_ready', handler_id::text), pg_notify('tasker_results', '') from tasker.handlers"},
	{"pgmq",
		"delete from pgmq.q_worker_e2e_queue; delete from pgmq.q_orchestration_step_results",
		`insert into pgmq.q_worker_e2e_queue (vt, message, headers) select now(), message, headers from pgmq.q_worker_e2e_queue order by msg_id desc limit 20;
		 insert into pgmq.q_orchestration_step_results (vt, message, headers) select now(), message, headers from pgmq.q_orchestration_step_results order by msg_id desc limit 20`},
}

// onEachTransport runs a test of what must hold on all transports alike. TASKER_TEST_PGMQ_SQL may name a file with the SQL of the
// extension pgmq, which then takes the place of ours.
func onEachTransport(t *testing.T, test func(t *testing.T, w *world, on transport)) {
	t.Parallel()
	for _, on := range transports {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.transport = on.name
			if file := os.Getenv("TASKER_TEST_PGMQ_SQL"); file != "" {
				sql, err := os.ReadFile(file)
				require.NoError(t, err)
				w.db.Exec(t, string(sql))
			}
			test(t, w, on)
			w.requireIntact(t)
			if on.name == "pgmq" && w.db.Count(t, openTasks) == 0 {
				w.eventually(t, patience, 0, "select count(*) from pgmq.q_orchestration_step_results")
			}
		})
	}
}

func TestTasksOfEveryShapeRunOnceOnEachTransport(t *testing.T) {
	for _, queued := range []bool{false, true} {
		t.Run(fmt.Sprintf("queued %v", queued), func(t *testing.T) {
			onEachTransport(t, func(t *testing.T, w *world, _ transport) {
				w.registerShapes(t)
				front := w.node(t, role{Queued: queued})
				w.worker(t, "first", role{Slots: 8, Queued: queued})
				w.worker(t, "second", role{Slots: 8, Queued: queued})
				refused := w.submitMany(t.Context(), front, 4, 60, mixed(1))
				require.Zero(t, refused)
				w.settled(t, patience)
				w.requireNothingLost(t)
				w.requireOnce(t)
				w.requireKeyedEffects(t)
			})
		})
	}
}

func TestFailuresAreTriedAgainOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, _ transport) {
		w.register(t, "linear", retried(3, step("s1")), retried(3, step("s2", "s1")))
		n := w.node(t, role{Handlers: allHandlers})
		healed := w.submit(t, n, "linear", map[string]conduct{"s2": {Fail: 2}})
		broken := w.submit(t, n, "linear", map[string]conduct{"s1": {Fail: 9, Error: "out of paper"}})
		require.Equal(t, "complete", w.taskState(t, healed))
		require.Equal(t, 3, w.step(t, healed, "s2").Attempt)
		w.eventually(t, patience, 1, "select count(*) from tasker.tasks where task_uuid = $1 and state = 'blocked_by_failures'", broken)
		require.Contains(t, w.step(t, broken, "s1").Error, "out of paper")
		require.Equal(t, 3, w.step(t, broken, "s1").Attempt)
	})
}

// I4
func TestNewsThatComesTwiceIsHarmlessOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, on transport) {
		w.registerShapes(t)
		front := w.node(t, role{Queued: true})
		for n := range 20 {
			w.submit(t, front, shapes[n%len(shapes)], nil)
		}
		w.db.Exec(t, on.duplicate)
		w.worker(t, "first", role{Slots: 4, Queued: true})
		w.worker(t, "second", role{Slots: 4, Queued: true})
		stop := w.repeat(t, on.duplicate)
		w.settled(t, patience)
		stop()
		w.requireNothingLost(t)
		w.requireOnce(t)
	})
}

// I5
func TestNewsThatIsLostDelaysAndNoMoreOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, on transport) {
		w.registerShapes(t)
		front := w.node(t, role{Queued: true})
		for n := range 12 {
			w.submit(t, front, shapes[n%len(shapes)], nil)
		}
		w.db.Exec(t, on.lose)
		w.worker(t, "worker", role{Slots: 8, Queued: true, Deaf: true, Poll: 50 * time.Millisecond})
		stop := w.repeat(t, on.lose)
		w.eventually(t, patience, 1, "select (count(*) >= 8)::int from tasker.step_transitions where path[array_upper(path, 1)] = 'complete'")
		stop()
		w.settled(t, patience)
		w.requireNothingLost(t)
		w.requireOnce(t)
	})
}

// repeat runs a statement over and over until it is told to stop.
func (w *world) repeat(t *testing.T, sql string) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	pool, ctx := w.db.Pool(t), t.Context()
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-ctx.Done():
				return
			case <-time.After(30 * time.Millisecond):
				_, _ = pool.Exec(ctx, sql) // one that meets a lock is as good as one that does not
			}
		}
	}()
	return func() { close(quit); <-done }
}

// W-kill: what a killed worker held runs again, within its lease and a little more.
func TestAKilledWorkersStepsRunElsewhereOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, _ transport) {
		w.register(t, "linear", linear(3)...)
		front := w.node(t, role{})
		victim := w.worker(t, "victim", role{Lease: shortLease})
		until := filepath.Join(w.dir, "until") // the first attempt never ends, the second does at once
		let(t, until, 2)
		task := w.submit(t, front, "linear", map[string]conduct{"s2": {Until: until}})
		w.effectOf(t, task, "s2", "start", 1)
		victim.kill(t)
		w.worker(t, "heir", role{})
		w.effectOf(t, task, "s2", "start", 2)
		require.Equal(t, "complete", w.taskState(t, task))
		require.Equal(t, stepRow{State: "complete", Attempt: 2, Crashes: 1}, w.step(t, task, "s2"))
		w.requireKeyedEffects(t)
	})
}

// A worker that dies before or after the statement that claims has lost nothing.
func TestAWorkerThatDiesAsItClaimsLosesNothingOnEachTransport(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after %v", after), func(t *testing.T) {
			onEachTransport(t, func(t *testing.T, w *world, on transport) {
				w.register(t, "linear", linear(2)...)
				front := w.node(t, role{})
				task := w.submit(t, front, "linear", nil)
				claim := map[string]string{"postgres": "claim_steps", "pgmq": "claim_messages"}[on.name]
				doomed, err := w.launch(t, "doomed", role{Handlers: allHandlers, Lease: shortLease, DieAt: claim, DieAfter: after})
				if err == nil { // else it was dead before it was ready
					doomed.wait(t, patience)
				}
				w.worker(t, "heir", role{})
				require.Equal(t, "complete", w.taskState(t, task))
				w.requireOnce(t)
			})
		})
	}
}

func TestUrgentTasksComeFirstOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, _ transport) {
		w.register(t, "one", step("s1"))
		front := w.node(t, role{})
		var want []sdk.UUID
		byPriority := map[int32][]sdk.UUID{}
		for n := range int32(12) {
			priority := (n*5)%4 - 1
			r := request("one", nil)
			r.Priority = &priority
			id, err := w.trySubmit(t.Context(), front, r)
			require.NoError(t, err)
			byPriority[priority] = append(byPriority[priority], id)
		}
		for _, priority := range []int32{2, 1, 0, -1} {
			want = append(want, byPriority[priority]...)
		}
		w.worker(t, "worker", role{Slots: 1})
		w.settled(t, patience)
		var got []sdk.UUID
		for _, e := range w.effects(t) {
			if e.Kind == "start" {
				got = append(got, e.Task)
			}
		}
		require.Equal(t, want, got)
	})
}

// W11
func TestAWorkerLeavesOtherNamespacesAloneOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, _ transport) {
		w.register(t, "here", linear(2)...)
		there := template.New("elsewhere", "there", "1.0.0", linear(2)...)
		there.IdentityStrategy = template.IdentityAlwaysUnique
		_, err := w.catalog.Register(t.Context(), there, false)
		require.NoError(t, err)
		front := w.node(t, role{})
		first := w.worker(t, "first", role{Namespaces: []string{"e2e"}})
		abroad := request("there", nil)
		abroad.Namespace = "elsewhere"
		away, err := w.trySubmit(t.Context(), front, abroad)
		require.NoError(t, err)
		home := w.submit(t, front, "here", nil)
		require.Equal(t, "complete", w.taskState(t, home))
		require.Equal(t, 0, w.step(t, away, "s1").Attempt)
		second := w.worker(t, "second", role{Namespaces: []string{"elsewhere"}})
		require.Equal(t, "complete", w.taskState(t, away))
		require.Equal(t, first.cmd.Process.Pid, w.effectOf(t, home, "s2", "end", 1).PID)
		require.Equal(t, second.cmd.Process.Pid, w.effectOf(t, away, "s2", "end", 1).PID)
	})
}

// Two workers of one namespace that have different handlers take their own steps, and leave the others visible.
func TestWorkersOfOneNamespaceShareItByHandlersOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, _ transport) {
		w.register(t, "diamond", diamond()...)
		front := w.node(t, role{})
		left := w.worker(t, "left", role{Handlers: []string{"work", "left"}})
		right := w.worker(t, "right", role{Handlers: []string{"right"}})
		for range 10 {
			w.submit(t, front, "diamond", nil)
		}
		w.settled(t, patience)
		w.requireNothingLost(t)
		for _, e := range w.effects(t) {
			want := left
			if e.Step == "b" {
				want = right
			}
			require.Equal(t, want.cmd.Process.Pid, e.PID, e.Step)
		}
	})
}

// E10
func TestAStepWithoutAHandlerFailsOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, _ transport) {
		w.register(t, "odd", step("known"), by("nobody", step("unknown")))
		n := w.node(t, role{Handlers: allHandlers, UnknownHandlerGrace: 100 * time.Millisecond})
		task := w.submit(t, n, "odd", nil)
		w.eventually(t, patience, 1, "select count(*) from tasker.tasks where task_uuid = $1 and state = 'blocked_by_failures'", task)
		require.Equal(t, "handler_not_found", w.step(t, task, "unknown").Type)
		w.eventually(t, patience, 1, "select count(*) from tasker.workflow_steps where task_uuid = $1 and name = 'known' and state = 'complete'", task)
	})
}

func TestTasksGrowOnEachTransport(t *testing.T) {
	for _, queued := range []bool{false, true} {
		t.Run(fmt.Sprintf("queued %v", queued), func(t *testing.T) {
			onEachTransport(t, func(t *testing.T, w *world, _ transport) {
				w.register(t, "growing", growing()...)
				front := w.node(t, role{Queued: queued})
				w.worker(t, "worker", role{Slots: 4, Queued: queued})
				task := w.submit(t, front, "growing", grown)
				require.Equal(t, "complete", w.taskState(t, task))
				require.Equal(t, grownSteps, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'complete'"))
			})
		})
	}
}

func TestCancelledTasksRunNoFurtherOnEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, _ transport) {
		w.register(t, "wide", wide(8)...)
		front := w.node(t, role{})
		worker := w.worker(t, "worker", role{Slots: 2})
		task := w.submit(t, front, "wide", map[string]conduct{"w0": {MS: 60_000}, "w1": {MS: 60_000}})
		w.effectOf(t, task, "cut", "end", 1)
		w.eventually(t, patience, 1, "select (count(*) >= 1)::int from tasker.workflow_steps where task_uuid = $1 and state = 'in_progress' and name in ('w0', 'w1')", task)
		_, err := w.store.CancelTask(t.Context(), task, "test", "enough")
		require.NoError(t, err)
		next := w.submit(t, front, "wide", nil)
		require.Equal(t, "complete", w.taskState(t, next), "the slots are free again")
		require.Equal(t, "cancelled", w.taskState(t, task))
		require.False(t, slices.ContainsFunc(w.effects(t), func(e effect) bool { return e.Task == task && e.Step == "join" }))
		worker.kill(t)
	})
}
