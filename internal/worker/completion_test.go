package worker

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// telling is a step that publishes an event within the process, however it ends.
func telling(name string, parents ...string) template.StepDefinition {
	s := step(name, parents...)
	s.PublishesEvents = []template.EventDeclaration{{Name: name + ".ended", Condition: template.Always, DeliveryMode: template.DeliverFast}}
	return s
}

// hear collects the events of the process.
func (w *world) hear(t testing.TB) <-chan event.DomainEvent {
	t.Helper()
	heard := make(chan event.DomainEvent, 100)
	_, err := w.events.Bus().Subscribe("*", func(_ context.Context, e event.DomainEvent) error {
		heard <- e
		return nil
	})
	require.NoError(t, err)
	return heard
}

func (w *world) stats() StepExecutionStats { return w.WorkerStatusActor.service.stats.Snapshot() }

func TestAnAcceptedResultIsCountedAndItsEventsArePublishedAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	gate := newGate(w)
	heard := w.hear(t)
	task := w.create(t, w.register(t, telling("a"), telling("b", "a")), 1, store.Lease{})[0]
	w.claims(t)
	gate.step(t)
	gate.let(t, nil)
	require.Equal(t, "a.ended", testkit.Receive(t, heard).EventName)
	require.Equal(t, workflow.StepComplete, w.states(t, task)[0], "the event comes after the commit")
	gate.step(t)
	gate.let(t, sdk.Permanent(errors.New("no")))
	require.Equal(t, "b.ended", testkit.Receive(t, heard).EventName)
	require.Equal(t, workflow.StepError, w.states(t, task)[1])
	require.Equal(t, []uint64{2, 1, 1}, []uint64{w.stats().TotalExecuted, w.stats().TotalSucceeded, w.stats().TotalFailed})
	require.Zero(t, w.ledger.size())
}

func TestAStaleResultIsNeitherCountedNorPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	gate := newGate(w)
	heard := w.hear(t)
	tt := w.register(t, telling("a"), step("b", "a"))
	stale := w.create(t, tt, 1, store.Lease{})[0]
	w.claims(t)
	gate.step(t)
	_, err := w.store.CancelTask(t.Context(), stale, "me", "")
	require.NoError(t, err)
	gate.let(t, nil)
	testkit.Eventually(t, func() bool { return w.ledger.size() == 0 }, "the step stays in flight")
	require.True(t, w.logs.Has("no longer this worker's"))
	require.Zero(t, w.stats().TotalExecuted)

	fresh := w.create(t, tt, 1, store.Lease{})[0] // what is published next is of the next task
	w.Claimer.Hint()
	gate.step(t)
	gate.let(t, nil)
	require.Equal(t, fresh, testkit.Receive(t, heard).Metadata.TaskUUID)
	require.EqualValues(t, 1, w.stats().TotalExecuted)
	testkit.Eventually(t, func() bool { return len(gate.entered) == 1 }, "the step after it does not run")
}

func TestAnAttemptThatIsGivenBackIsNeitherCountedNorPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	gate := newGate(w)
	heard := w.hear(t)
	task := w.create(t, w.register(t, telling("a")), 1, store.Lease{})[0]
	stop := w.claims(t)
	gate.step(t)
	stop()
	require.NoError(t, w.stop())
	require.Equal(t, []workflow.StepState{workflow.StepEnqueued}, w.states(t, task))
	require.Empty(t, heard)
	require.Zero(t, w.stats().TotalExecuted)
}

func TestAResultThatTheDatabaseRefusesFailsItsStepAndHarmsNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20)
	w.handle(func(ctx context.Context, s *sdk.StepContext) (sdk.StepResult, error) {
		r := sdk.Success(map[string]any{"fine": true})
		if s.StepName() == "poisoned" {
			r.Metadata = map[string]any{"a": "\x00"} // which the database does not take
		}
		return r, nil
	})
	w.claims(t)
	good := w.create(t, w.register(t, step("good")), 10, store.Lease{})
	bad := w.create(t, w.register(t, step("poisoned")), 1, store.Lease{})[0]
	w.Claimer.Hint()
	w.completes(t, good...)
	testkit.Eventually(t, func() bool { return w.states(t, bad)[0] == workflow.StepError }, "the step does not fail")
	view, err := w.store.Step(t.Context(), bad, sdk.StepUUID(bad, 0))
	require.NoError(t, err)
	require.Equal(t, sdk.ErrTypeResultRefused, view.Results.Error.ErrorType)
	require.EqualValues(t, 1, view.Counts.Attempt)
}

func TestResultsWaitForADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	gate := newGate(w)
	tasks := w.create(t, w.register(t, step("a")), 5, store.Lease{})
	w.claims(t)
	for range tasks {
		gate.step(t)
	}
	w.db.Exec(t, "alter table tasker.step_transitions rename to gone")
	for range tasks {
		gate.let(t, nil)
	}
	w.logs.Await(t, "results are kept until the database takes them")
	require.Equal(t, 5, w.ledger.size())
	require.Equal(t, 5, w.slots.InUse(), "a slot is free when its result is accepted, not before")
	w.db.Exec(t, "alter table tasker.gone rename to step_transitions")
	w.completes(t, tasks...)
	testkit.Eventually(t, func() bool { return w.slots.InUse() <= 1 }, "slots stay taken") // the claimer waits with one
	testkit.Eventually(t, func() bool { return w.stats().TotalSucceeded == 5 }, "an accepted result is not counted")
}

func TestAWideTaskRunsOnTheSlotsThatAreFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 8)
	gate := newGate(w)
	steps := []template.StepDefinition{step("first")}
	for _, name := range strings.Split("abcdefghijklmnopqrst", "") {
		steps = append(steps, step(name, "first"))
	}
	task := w.create(t, w.register(t, steps...), 1, store.Lease{})[0]
	stop := w.claims(t)
	gate.step(t)
	stop()
	gate.let(t, nil)
	for range 5 { // from its own slot and the free ones, which are tried in halves
		gate.step(t)
	}
	require.LessOrEqual(t, w.slots.InUse(), 8)
	require.LessOrEqual(t, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'in_progress'"), 8)
	w.claims(t)
	go func() {
		for range 20 {
			gate.leave <- nil
		}
	}()
	w.completes(t, task)
	testkit.Eventually(t, func() bool { return w.slots.InUse() <= 1 }, "slots stay taken")
}

func TestCancellingATaskTellsItsHandlersAndNoOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	told := make(chan error, 2)
	entered := make(chan sdk.UUID, 2)
	leave := make(chan struct{})
	w.handle(func(ctx context.Context, s *sdk.StepContext) (sdk.StepResult, error) {
		entered <- s.TaskUUID()
		select {
		case <-ctx.Done():
			told <- context.Cause(ctx)
			return sdk.StepResult{}, context.Cause(ctx)
		case <-leave:
			return sdk.Success(nil), nil
		}
	})
	tasks := w.create(t, w.register(t, step("a")), 2, store.Lease{})
	w.claims(t)
	testkit.Receive(t, entered)
	testkit.Receive(t, entered)
	because := errors.New("the task is cancelled")
	w.CancelSteps(tasks[0], because)
	require.ErrorIs(t, testkit.Receive(t, told), because)
	close(leave)
	w.completes(t, tasks[1])
	require.Empty(t, told)
	_, err := w.store.CancelTask(t.Context(), tasks[0], "me", "")
	require.NoError(t, err)
	testkit.Eventually(t, func() bool { return w.ledger.size() == 0 }, "the step stays in flight")
}

func TestAnOverdueHandlerKeepsItsSlotUntilItReturns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	leave := make(chan struct{})
	entered := make(chan int, 10)
	w.handle(func(_ context.Context, s *sdk.StepContext) (sdk.StepResult, error) {
		entered <- s.Attempt()
		<-leave
		return sdk.Success("too late"), nil
	})
	second := int32(1)
	slow := step("a")
	slow.TimeoutSeconds = &second
	task := w.create(t, w.register(t, slow), 1, store.Lease{})[0]
	w.claims(t)
	testkit.Receive(t, entered)
	testkit.Eventually(t, func() bool { return w.states(t, task)[0] == workflow.StepEnqueued }, "the step does not time out")
	require.Equal(t, 1, w.slots.InUse())
	require.Empty(t, entered)
	view, err := w.store.Step(t.Context(), task, sdk.StepUUID(task, 0))
	require.NoError(t, err)
	require.Equal(t, sdk.ErrTypeHandlerTimeout, view.Results.Error.ErrorType)
	close(leave)
	w.Claimer.Hint()
	require.Equal(t, 2, testkit.Receive(t, entered))
	w.completes(t, task)
}
