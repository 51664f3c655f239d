package orchestration_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// retriesIn is a step whose retry waits for so long.
func retriesIn(name string, delay time.Duration) template.StepDefinition {
	s := step(name)
	s.Retry.Backoff, s.Retry.BackoffBaseMS, s.Retry.MaxBackoffMS = workflow.BackoffLinear, delay.Milliseconds(), 1e9
	return s
}

// failFirst fails the first attempt of the one step of a task.
func (w *world) failFirst(t testing.TB, name string) sdk.UUID {
	t.Helper()
	task := w.create(t, name)
	claimed := w.claim(t)
	require.Len(t, claimed, 1)
	w.process(t, store.Lease{}, results(failure(true), claimed...)...)
	return task
}

func TestARetryIsQueuedWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // timers of other processes are looked for once an hour
	w.register(t, "soon", template.IdentityStrict, retriesIn("a", 100*time.Millisecond))
	run(t, w.Timers.Run)
	var failed time.Time // and then at most: the failure is written after that
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), "select clock_timestamp()").Scan(&failed))
	task := w.failFirst(t, "soon")
	w.becomes(t, task, 0, workflow.StepEnqueued)
	var queued time.Time
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), `select at from tasker.step_transitions
		where path[1] = 'waiting_for_retry' and path[3] = 'enqueued'`).Scan(&queued))
	require.GreaterOrEqual(t, queued.Sub(failed), 100*time.Millisecond)
}

func TestAnEarlierTimerWakesTheLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "late", template.IdentityStrict, retriesIn("a", time.Hour))
	w.register(t, "soon", template.IdentityStrict, retriesIn("b", 20*time.Millisecond))
	late := w.failFirst(t, "late")
	run(t, w.Timers.Run)
	for range 5 {
		w.becomes(t, w.failFirst(t, "soon"), 0, workflow.StepEnqueued)
		w.db.Exec(t, "delete from tasker.ready_steps where task_uuid <> $1", late)
		w.db.Exec(t, `with s as (update tasker.workflow_steps set state = 'cancelled' where task_uuid <> $1 and state = 'enqueued' returning *),
			m as (insert into tasker.step_transitions (task_uuid, step_no, attempt, path) select task_uuid, step_no, attempt, '{enqueued,cancelled}' from s),
			k as (insert into tasker.task_transitions (task_uuid, path) select task_uuid, '{steps_in_process,cancelled}' from s)
			update tasker.tasks t set state = 'cancelled', completed_at = clock_timestamp() from s where t.task_uuid = s.task_uuid`, late)
	}
	require.Equal(t, workflow.StepWaitingForRetry, w.step(t, late, 0).State)
}

func TestTimersOfOtherProcessesAreFoundAtIntervals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *orchestration.Dependencies) { d.Config.TimerInterval = 20 * time.Millisecond })
	w.register(t, "soon", template.IdentityStrict, retriesIn("a", 50*time.Millisecond))
	run(t, w.Timers.Run)
	task := w.create(t, "soon")
	claimed := w.claim(t)
	_, err := w.store.ApplyOutcomes(t.Context(), []store.Outcome{{ // without a word to the loop
		TaskUUID: task, Attempt: claimed[0].Counts.Attempt, Kind: store.OutcomeRetry, Delay: 50 * time.Millisecond,
	}}, store.Lease{})
	require.NoError(t, err)
	w.becomes(t, task, 0, workflow.StepEnqueued)
}

func TestTheTimersOutliveTroubleWithTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *orchestration.Dependencies) { d.Config.TimerInterval = 20 * time.Millisecond })
	w.register(t, "soon", template.IdentityStrict, retriesIn("a", time.Millisecond))
	task := w.failFirst(t, "soon")
	w.db.Exec(t, "alter table tasker.step_timers rename to gone")
	run(t, w.Timers.Run)
	w.logs.Await(t, "timers cannot be fired at the moment")
	w.db.Exec(t, "alter table tasker.gone rename to step_timers")
	w.becomes(t, task, 0, workflow.StepEnqueued)
}
