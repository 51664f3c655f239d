package orchestration_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// lose lets the worker's lease run out; the test goes on as a new one.
func (w *world) lose(t testing.TB) {
	t.Helper()
	w.db.Exec(t, `update tasker.workers set lease_until = clock_timestamp() - interval '1 second', lease_ms = 0 where worker_id = $1`, w.worker)
	w.worker = w.registerWorker(t)
}

func (w *world) sweep(t testing.TB) orchestration.StepEnqueuerServiceResult {
	t.Helper()
	r, err := actor.Ask(t.Context(), w.StepEnqueuerActor.Handle, orchestration.ProcessBatchMessage{})
	require.NoError(t, err)
	return r
}

func TestASweepQueuesTheStepsOfLostWorkersAgainAndFailsThoseThatLoseTooMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	task := w.create(t, "any")
	require.Equal(t, orchestration.StepEnqueuerServiceResult{}, w.sweep(t))

	require.Len(t, w.claim(t), 1)
	w.lose(t)
	require.Equal(t, orchestration.StepEnqueuerServiceResult{StepsRecovered: 1}, w.sweep(t))
	got := w.step(t, task, 0)
	require.Equal(t, workflow.StepEnqueued, got.State)
	require.Equal(t, workflow.AttemptCounts{Attempt: 1, Crashes: 1}, got.Counts)
	require.Equal(t, sdk.ErrTypeLeaseExpired, got.Results.Error.ErrorType)
	require.Contains(t, got.Results.Error.Message, "worker w stopped sending heartbeats")
	w.logs.Await(t, "steps of lost workers are queued again")

	require.Len(t, w.claim(t), 1) // max_crashes is 2
	w.lose(t)
	require.Equal(t, orchestration.StepEnqueuerServiceResult{StepsRecovered: 1}, w.sweep(t))
	got = w.step(t, task, 0)
	require.Equal(t, workflow.StepError, got.State)
	require.Equal(t, sdk.ErrTypeWorkerLost, got.Results.Error.ErrorType)
	require.False(t, got.Results.Error.Retryable)
	require.Equal(t, workflow.TaskBlockedByFailures, w.state(t, task))
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.workflow_steps where outcome ->> 'reason' = 'its worker was lost 2 times'`))
}

// Another version of Tasker may have registered a template that this one cannot read.
func TestATemplateThatCannotBeReadKeepsNoOtherStepFromRecovery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	strange, err := w.store.RegisterTemplate(t.Context(), &store.Template{
		Namespace: "n", Name: "strange", Version: "1.0.0", ContentHash: "strange", IdentityStrategy: "strict", Definition: json.RawMessage(`{"name": 7, "steps": []}`),
		Steps: []store.TemplateStep{{Name: "a", Callable: "h.a", Initial: true, Sink: true}},
	}, false)
	require.NoError(t, err)
	id := sdk.NewUUID()
	_, err = w.store.CreateTasks(t.Context(), []store.NewTask{{
		TaskUUID: id, TemplateID: strange, IdentityHash: id[:], CorrelationID: id, Context: json.RawMessage(`{}`), RequestedAt: time.Now(),
	}}, store.Lease{})
	require.NoError(t, err)
	task := w.create(t, "any")
	require.Len(t, w.claim(t), 2)
	w.lose(t)
	r, err := actor.Ask(t.Context(), w.StepEnqueuerActor.Handle, orchestration.ProcessBatchMessage{})
	require.ErrorContains(t, err, "strange")
	require.Equal(t, 1, r.StepsRecovered)
	require.Equal(t, workflow.StepEnqueued, w.step(t, task, 0).State)
	r, err = actor.Ask(t.Context(), w.StepEnqueuerActor.Handle, orchestration.ProcessBatchMessage{})
	require.ErrorContains(t, err, "strange", "it is tried again")
	require.Zero(t, r.StepsRecovered)
}

func TestACrashUsesUpNoneOfTheHandlersAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	task := w.create(t, "any")
	w.claim(t)
	w.lose(t)
	w.sweep(t)
	for range 2 {
		w.process(t, store.Lease{}, results(failure(true), w.claim(t)...)...)
		require.Equal(t, workflow.StepEnqueued, w.step(t, task, 0).State)
	}
	w.process(t, store.Lease{}, results(failure(true), w.claim(t)...)...)
	got := w.step(t, task, 0)
	require.Equal(t, workflow.StepError, got.State)
	require.Equal(t, workflow.AttemptCounts{Attempt: 4, Crashes: 1}, got.Counts)
}

func TestManySweepersShareTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var steps []template.StepDefinition
	for i := range 60 {
		steps = append(steps, step("s"+string(rune('A'+i))))
	}
	w.register(t, "roots", template.IdentityStrict, steps...)
	for range 20 {
		w.create(t, "roots")
	}
	l := w.lease(t)
	l.Budget = 1200
	claimed, _, err := w.store.ClaimSteps(t.Context(), l)
	require.NoError(t, err)
	require.Len(t, claimed, 1200)
	w.lose(t)
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			_, err := actor.Ask(t.Context(), w.StepEnqueuerActor.Handle, orchestration.ProcessBatchMessage{})
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.Equal(t, 1200, w.db.Count(t, "select count(*) from tasker.workflow_steps where crashes = 1 and state = 'enqueued'"))
	require.Equal(t, 1200, w.db.Count(t, "select count(*) from tasker.ready_steps"))
}

func TestALateResultMeetsTheNewerAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "chain", template.IdentityStrict, step("a"), step("b", "a"))
	task := w.create(t, "chain")
	zombie := w.claim(t)
	w.lose(t)
	w.sweep(t)
	again := w.claim(t)
	require.Equal(t, []int{0}, w.process(t, w.lease(t), results(success(), zombie...)...).Stale)
	require.Equal(t, workflow.StepInProgress, w.step(t, task, 0).State)
	require.Len(t, w.process(t, w.lease(t), results(success(), again...)...).Leased, 1)
	require.Equal(t, []int{0}, w.process(t, w.lease(t), results(failure(false), zombie...)...).Stale)
	require.Equal(t, workflow.StepComplete, w.step(t, task, 0).State)
}

func TestAStepWhoseHandlerNobodyHasFailsAfterAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *orchestration.Dependencies) { d.Config.UnknownHandlerGrace = time.Minute })
	w.register(t, "any", template.IdentityStrict, step("known"), step("unknown"))
	w.db.Exec(t, "update tasker.handlers set offered_at = null where callable = 'h.unknown'")
	task := w.create(t, "any")
	require.Zero(t, w.sweep(t).StepsRefused, "a worker that has it may yet come")
	w.db.Exec(t, "update tasker.ready_steps set ready_at = clock_timestamp() - interval '61 seconds'")
	require.Equal(t, orchestration.StepEnqueuerServiceResult{StepsRefused: 1}, w.sweep(t))
	require.Zero(t, w.sweep(t).StepsRefused)
	got := w.step(t, task, 1)
	require.Equal(t, workflow.StepError, got.State)
	require.Zero(t, got.Counts.Attempt)
	require.Equal(t, workflow.TaskBlockedByFailures, w.state(t, task))
	require.Equal(t, workflow.StepEnqueued, w.step(t, task, 0).State)
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.workflow_steps where outcome -> 'error' ->> 'error_type' = $1
		and outcome -> 'error' ->> 'message' = 'Handler not found: h.unknown' and outcome ->> 'reason' = 'no worker of namespace n has ever offered it'`,
		sdk.ErrTypeHandlerNotFound))
	w.logs.Await(t, "handler=h.unknown")
}

func TestTheSweeperRepairsByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *orchestration.Dependencies) { d.Config.UnknownHandlerGrace = time.Millisecond })
	w.register(t, "any", template.IdentityStrict, step("known"), step("unknown"))
	w.db.Exec(t, "update tasker.handlers set offered_at = null where callable = 'h.unknown'")
	dead := w.registerWorker(t)
	w.db.Exec(t, `update tasker.workers set lease_until = clock_timestamp() - interval '1 hour', lease_ms = 0 where worker_id = $1`, dead)
	run(t, w.Sweeper.Run)
	task := w.create(t, "any")
	w.becomes(t, task, 1, workflow.StepError)
	testkit.Eventually(t, func() bool {
		return w.db.Count(t, "select count(*) from tasker.workers where worker_id = $1 and stopped_at is not null", dead) == 1
	}, "the worker is not buried")
	var claimed []store.ClaimedStep
	l := store.Lease{WorkerID: w.worker, Budget: 1}
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), "select array_agg(handler_id) from tasker.handlers where callable = 'h.known'").Scan(&l.Handlers))
	claimed, _, err := w.store.ClaimSteps(t.Context(), l)
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	w.lose(t)
	w.becomes(t, task, 0, workflow.StepEnqueued)
}

func TestTheSweeperOutlivesTroubleWithTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	task := w.create(t, "any")
	w.claim(t)
	w.lose(t)
	w.db.Exec(t, "alter table tasker.workers rename to gone")
	run(t, w.Sweeper.Run)
	w.logs.Await(t, "the sweep failed")
	w.db.Exec(t, "alter table tasker.gone rename to workers")
	w.becomes(t, task, 0, workflow.StepEnqueued)
}
