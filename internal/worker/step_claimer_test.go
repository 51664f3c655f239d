package worker

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestAWorkerClaimsNoMoreThanItHasSlotsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	gate := newGate(w)
	tasks := w.create(t, w.register(t, step("a")), 10, store.Lease{})
	w.claims(t)
	for range 3 {
		gate.step(t)
	}
	for left := 7; left >= 0; left-- {
		require.Equal(t, left, w.db.Count(t, "select count(*) from tasker.ready_steps"))
		require.LessOrEqual(t, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'in_progress'"), 3)
		require.Equal(t, 3, w.slots.InUse())
		gate.let(t, nil)
		if left > 0 {
			gate.step(t)
		}
	}
	for range 2 {
		gate.let(t, nil)
	}
	w.completes(t, tasks...)
	testkit.Eventually(t, func() bool { return w.ledger.size() == 0 }, "steps stay in flight")
}

func TestAHintHasTheQueueLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2) // without a hint it is looked at once an hour
	gate := newGate(w)
	tt := w.register(t, step("a"))
	w.claims(t)
	for range 3 {
		task := w.create(t, tt, 1, store.Lease{})
		for range 5 { // more hints than needed do no harm
			w.Claimer.Hint()
		}
		require.Equal(t, task[0], gate.step(t).TaskUUID())
		gate.let(t, nil)
		w.completes(t, task...)
	}
}

func TestTheQueueIsLookedAtWithoutAHint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, func(d *Dependencies) { d.PollInterval = 10 * time.Millisecond })
	gate := newGate(w)
	tt := w.register(t, step("a"))
	w.claims(t)
	task := w.create(t, tt, 1, store.Lease{})
	gate.step(t)
	gate.let(t, nil)
	w.completes(t, task...)
}

func TestStepsOfAnUnansweredCommitAreAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	gate := newGate(w)
	tt := w.register(t, step("a"))
	known := w.create(t, tt, 2, store.Lease{})
	w.claims(t)
	for range known {
		gate.step(t)
	}
	// The database leases further ones to the worker, which never hears of it.
	unheard := w.create(t, tt, 3, w.Keeper.Lease(3))
	require.Equal(t, 5, w.db.Count(t, "select count(*) from tasker.workflow_steps where worker_id = $1", w.Keeper.WorkerID()))
	require.Equal(t, 2, w.ledger.size())
	for range 3 {
		w.Claimer.Adopt()
	}
	adopted := map[sdk.UUID]bool{}
	for range unheard {
		s := gate.step(t)
		require.Equal(t, 1, s.Attempt())
		adopted[s.TaskUUID()] = true
	}
	for _, id := range unheard {
		require.True(t, adopted[id])
	}
	w.logs.Await(t, "a step of an unanswered commit is run")
	for range 5 {
		gate.let(t, nil)
	}
	w.completes(t, append(known, unheard...)...)
	require.Empty(t, gate.entered, "none was run twice")
	testkit.Eventually(t, func() bool { return w.slots.InUse() == 0 || w.ledger.size() == 0 }, "slots stay taken")
	require.Equal(t, 5, w.db.Count(t, "select count(*) from tasker.workflow_steps where attempt = 1 and state = 'complete'"))
}

func TestAdoptedStepsWaitForSlotsToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	gate := newGate(w)
	tt := w.register(t, step("a"))
	w.create(t, tt, 3, w.Keeper.Lease(3))
	w.Claimer.Adopt()
	w.claims(t)
	for range 3 {
		gate.step(t)
		require.Equal(t, 1, w.slots.InUse())
		require.Empty(t, gate.entered)
		gate.let(t, nil)
	}
}

func TestAResultWhoseCommitWentUnansweredIsAppliedOnceAndItsStepsAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	gate := newGate(w)
	task := w.create(t, w.register(t, step("a"), step("b", "a")), 1, store.Lease{})[0]
	var cut atomic.Bool
	w.sender.trouble = func() error {
		if !cut.CompareAndSwap(false, true) {
			return nil
		}
		_, err := w.store.ApplyOutcomes(context.Background(), []store.Outcome{{ // it was committed …
			TaskUUID: task, StepNo: 0, Attempt: 1, Kind: store.OutcomeComplete, Result: []byte(`{"step": "a"}`),
		}}, w.Keeper.Lease(1))
		return errors.Join(err, io.ErrUnexpectedEOF) // … but the answer was lost
	}
	w.claims(t)
	require.Equal(t, "a", gate.step(t).StepName())
	gate.let(t, nil)
	next := gate.step(t)
	require.Equal(t, "b", next.StepName())
	require.Equal(t, 1, next.Attempt())
	gate.let(t, nil)
	w.completes(t, task)
	require.Equal(t, 2, w.db.Count(t, "select count(*) from tasker.workflow_steps where attempt = 1 and state = 'complete'"))
	w.logs.Await(t, "results are kept until the database takes them")
	testkit.Eventually(t, func() bool { return w.WorkerStatusActor.service.stats.Snapshot().TotalSucceeded == 2 }, "an accepted result is not counted")
}

func TestReservedSlotsAreGivenBackUnlessStepsTakeThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	gate := newGate(w)
	tt := w.register(t, step("a"))
	l := w.Claimer.Reserve(3)
	require.Equal(t, store.Lease{WorkerID: w.Keeper.WorkerID(), Handlers: w.Keeper.Lease(1).Handlers, Budget: 3}, l)
	require.Equal(t, 3, w.slots.InUse())
	w.Claimer.Take(t.Context(), l, nil)
	require.Zero(t, w.slots.InUse())

	l = w.Claimer.Reserve(100)
	require.Positive(t, l.Budget)
	require.LessOrEqual(t, l.Budget, 5)
	require.Equal(t, l.Budget, w.slots.InUse())
	tasks := w.create(t, tt, 2, l)
	held, err := w.store.HeldSteps(t.Context(), l.WorkerID)
	require.NoError(t, err)
	w.Claimer.Take(t.Context(), l, held)
	require.Equal(t, 2, w.slots.InUse())
	for range held {
		gate.step(t)
		gate.let(t, nil)
	}
	w.completes(t, tasks...)
}

func TestAWorkerThatDoesNotTrustItsLeaseReservesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	l := w.Claimer.Reserve(3) // it has not even registered
	require.Zero(t, l.Budget)
	require.Zero(t, w.slots.InUse())
	w.Claimer.Take(t.Context(), l, nil)
	require.Zero(t, w.slots.InUse())
}

func TestTheClaimerOutlivesTroubleWithTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, func(d *Dependencies) { d.PollInterval = 10 * time.Millisecond })
	gate := newGate(w)
	tt := w.register(t, step("a"))
	w.db.Exec(t, "alter table tasker.ready_steps rename to gone")
	w.claims(t)
	w.logs.Await(t, "steps cannot be claimed at the moment")
	require.Zero(t, w.ledger.size())
	w.db.Exec(t, "alter table tasker.gone rename to ready_steps")
	task := w.create(t, tt, 1, store.Lease{})
	gate.step(t)
	gate.let(t, nil)
	w.completes(t, task...)
}

func TestStepsThatBecomeReadyStayInTheProcessThatCompletedTheirParents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	gate := newGate(w)
	task := w.create(t, w.register(t, step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")), 1, store.Lease{})[0]
	stop := w.claims(t)
	gate.step(t)
	stop() // from here on nothing comes from the queue
	gate.let(t, nil)
	require.ElementsMatch(t, []string{"b", "c"}, []string{gate.step(t).StepName(), gate.step(t).StepName()})
	gate.let(t, nil)
	gate.let(t, nil)
	require.Equal(t, "d", gate.step(t).StepName())
	gate.let(t, nil)
	w.completes(t, task)
	require.Equal(t, []workflow.StepState{workflow.StepComplete, workflow.StepComplete, workflow.StepComplete, workflow.StepComplete}, w.states(t, task))
	testkit.Eventually(t, func() bool { return w.slots.InUse() == 0 }, "slots stay taken")
}
