package worker

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func (w *world) lifecycle(event string) (actors []string) {
	for _, m := range regexp.MustCompile(`msg="actor `+event+`" actor=(\w+)`).FindAllStringSubmatch(w.logs.String(), -1) {
		actors = append(actors, m[1])
	}
	return actors
}

func TestTheActorsStartInOrderAndStopInReverse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	require.Equal(t, []string{"StepExecutorActor", "FFICompletionActor", "TemplateCacheActor", "DomainEventActor", "WorkerStatusActor"}, w.lifecycle("started"))
	require.Empty(t, w.lifecycle("stopped"))
	for range 2 {
		require.NoError(t, w.stop())
		require.Equal(t, []string{"WorkerStatusActor", "DomainEventActor", "TemplateCacheActor", "FFICompletionActor", "StepExecutorActor"}, w.lifecycle("stopped"))
	}
}

// runner notes when it is stopped.
type runner struct {
	Runner
	stopped func()
}

func (r *runner) Stop(ctx context.Context, grace time.Duration) error {
	r.stopped()
	return r.Runner.Stop(ctx, grace)
}

func TestAShutdownFollowsTheWayOfTheSteps(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	told := make(chan struct{})
	w := newWorld(t, 1, func(d *Dependencies) {
		newRunner := d.NewRunner
		d.NewRunner = func(sink dispatch.CompletionSender, slots *dispatch.Slots) Runner {
			return &runner{newRunner(sink, slots), sync.OnceFunc(func() {
				note("the handlers are told to finish")
				close(told)
			})}
		}
	})
	gate := newGate(w)
	task := w.create(t, w.register(t, telling("a")), 1, store.Lease{})[0]
	w.sender.trouble = func() error { note("the result is accepted"); return nil }
	_, err := w.events.Bus().Subscribe("*", func(context.Context, event.DomainEvent) error { note("the event is published"); return nil })
	require.NoError(t, err)
	stop := w.claims(t)
	gate.step(t)
	stop()
	done := make(chan error, 1)
	go func() { done <- w.Shutdown(context.Background(), testkit.Patience) }()
	testkit.Receive(t, told)
	gate.let(t, nil)
	require.NoError(t, testkit.Receive(t, done))
	require.Equal(t, []string{"the handlers are told to finish", "the result is accepted", "the event is published"}, order)
	require.Equal(t, []workflow.StepState{workflow.StepComplete}, w.states(t, task))
}

func TestAGracefulShutdownLeavesNoLeaseAndUsesUpNoAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20)
	gate := newGate(w)
	tt := w.register(t, step("a"), step("b", "a"))
	tasks := w.create(t, tt, 30, store.Lease{})
	stop := w.claims(t)
	for range 20 {
		gate.step(t)
	}
	for range 7 { // some end, and their children begin
		gate.let(t, nil)
	}
	for range 7 {
		require.Equal(t, "b", gate.step(t).StepName())
	}
	stop()
	require.NoError(t, w.stop())
	require.NoError(t, w.Keeper.Stop(t.Context()))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'in_progress'"))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.task_claims"))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.workers where stopped_at is not null"))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.workflow_steps where state <> 'complete' and attempt <> forgiven"))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.workflow_steps where crashes > 0"))
	require.Equal(t, 7, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'complete'"))
	require.Equal(t, 30, w.db.Count(t, "select count(*) from tasker.ready_steps"))
	require.Zero(t, w.slots.InUse())
	require.Zero(t, w.ledger.size())
	require.Len(t, tasks, 30)
}

func TestHandlersThatFinishInTimeKeepTheirResults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	gate := newGate(w)
	tasks := w.create(t, w.register(t, step("a")), 3, store.Lease{})
	stop := w.claims(t)
	for range tasks {
		gate.step(t)
	}
	stop()
	done := make(chan error, 1)
	go func() { done <- w.Shutdown(context.Background(), testkit.Patience) }()
	for range tasks {
		gate.let(t, nil)
	}
	require.NoError(t, testkit.Receive(t, done))
	for _, id := range tasks {
		require.Equal(t, []workflow.StepState{workflow.StepComplete}, w.states(t, id))
	}
}

func TestAHandlerThatNeverReturnsIsLeftBehindAndItsStepGivenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	entered, leave := make(chan struct{}), make(chan struct{})
	w.handle(func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
		close(entered)
		<-leave
		return sdk.Success("too late"), nil
	})
	task := w.create(t, w.register(t, step("a")), 1, store.Lease{})[0]
	stop := w.claims(t)
	testkit.Receive(t, entered)
	stop()
	now, cancel := context.WithCancel(t.Context())
	cancel()
	err := w.Shutdown(now, 5*time.Second) // as long as it takes, too, to give the step back
	require.ErrorContains(t, err, "1 handlers did not stop")
	require.Equal(t, []workflow.StepState{workflow.StepEnqueued}, w.states(t, task))
	require.NoError(t, w.Keeper.Stop(t.Context()))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.task_claims"))
	close(leave)
}

func TestEveryCommandReachesItsActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	gate := newGate(w)
	tt := w.register(t, telling("a"))
	commands := NewActorCommandProcessor(w.WorkerActorRegistry)
	ask := func(command WorkerCommand) any {
		answer, err := commands.HandleCommand(t.Context(), command)
		require.NoError(t, err)
		return answer
	}
	w.create(t, tt, 1, w.Keeper.Lease(1))
	held, err := w.store.HeldSteps(t.Context(), w.Keeper.WorkerID())
	require.NoError(t, err)
	require.NoError(t, w.slots.Acquire(t.Context()))
	require.Equal(t, true, ask(ExecuteStepMessage{Step: held[0]}))
	require.Equal(t, false, ask(ExecuteStepMessage{Step: held[0]}), "it is in flight already")
	gate.step(t)
	status := ask(GetWorkerStatusMessage{}).(WorkerStatus)
	require.Equal(t, WorkerStatus{
		WorkerID: "w", Status: "healthy", RegisteredHandlers: []string{"h", "other"}, Slots: 4, SlotsInUse: 1, StepsInFlight: 1, UptimeSeconds: status.UptimeSeconds,
	}, status)
	require.Equal(t, HealthReport{Status: "healthy", Database: "ok", Lease: "ok"}, ask(HealthCheckMessage{}))
	require.Equal(t, struct{}{}, ask(RefreshTemplateCacheMessage{}))

	declared := telling("a").PublishesEvents
	dispatched := event.StepEvent{TaskUUID: sdk.NewUUID(), Namespace: "n", StepName: "a", Result: &sdk.StepExecutionResult{Success: true}, Declarations: declared}
	require.True(t, ask(GetEventStatusMessage{}).(EventIntegrationStatus).Enabled)
	require.Equal(t, true, ask(DispatchDomainEventsMessage{Event: dispatched}))
	require.Equal(t, struct{}{}, ask(SetEventIntegrationMessage{Enabled: false}))
	require.Equal(t, false, ask(DispatchDomainEventsMessage{Event: dispatched}))
	off := ask(GetEventStatusMessage{}).(EventIntegrationStatus)
	require.False(t, off.Enabled)
	require.EqualValues(t, 1, off.Stats.System.EventsDispatched)

	key := dispatch.StepKey{TaskUUID: held[0].TaskUUID, Attempt: 1}
	done := &dispatch.Completion{Message: w.ledger.get(key).message, Result: &sdk.StepExecutionResult{Success: true, Result: []byte(`{}`)}}
	require.Equal(t, 0, ask(SendStepResultMessage{Completions: []*dispatch.Completion{done}}))
	require.Equal(t, []workflow.StepState{workflow.StepComplete}, w.states(t, held[0].TaskUUID))
	require.Equal(t, struct{}{}, ask(ProcessStepCompletionMessage{Completion: done}))
	require.EqualValues(t, 1, ask(GetWorkerStatusMessage{}).(WorkerStatus).StepsSucceeded)

	_, err = commands.HandleCommand(t.Context(), "a text")
	require.ErrorContains(t, err, "no actor takes a command of type string")
	gate.let(t, nil)
}

func TestAWorkerWithoutItsDatabaseIsUnhealthy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	status := w.WorkerStatusActor
	report, err := status.HandleHealthCheck(t.Context(), HealthCheckMessage{})
	require.NoError(t, err)
	require.Equal(t, HealthReport{Status: "unhealthy", Database: "ok", Lease: "it has run out"}, report)
	require.Equal(t, "unhealthy", status.service.Status().Status)
	w.register(t, step("a"))
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("as good as no answer"))
	report, err = status.HandleHealthCheck(gone, HealthCheckMessage{})
	require.NoError(t, err)
	require.Equal(t, HealthReport{Status: "unhealthy", Database: "it does not answer", Lease: "ok"}, report)
}

func TestRefreshingTheCacheForgetsWhichTemplatesAreCurrent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	_, err := w.catalog.Register(t.Context(), template.New("n", "t", "1.0.0", step("a")), false)
	require.NoError(t, err)
	require.NoError(t, w.Keeper.Register(t.Context()))
	cached, err := w.catalog.Current(t.Context(), "n", "t", "1.0.0")
	require.NoError(t, err)
	raw, err := w.store.TemplateByID(t.Context(), cached.ID)
	require.NoError(t, err)
	raw.ContentHash = "changed by another process"
	changed, err := w.store.RegisterTemplate(t.Context(), raw, true)
	require.NoError(t, err)
	_, err = w.TemplateCacheActor.Handle(t.Context(), RefreshTemplateCacheMessage{Namespace: "elsewhere"})
	require.NoError(t, err)
	_, err = w.TemplateCacheActor.Handle(t.Context(), RefreshTemplateCacheMessage{Namespace: "n"})
	require.NoError(t, err)
	current, err := w.catalog.Current(t.Context(), "n", "t", "1.0.0")
	require.NoError(t, err)
	require.Equal(t, changed, current.ID)
}
