package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestCancelEndsATaskAndAllItsOpenSteps(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	w.complete(t, id, validateStep)
	require.Equal(t, []int32{chargeStep, reserveStep}, w.claim(t, id))
	w.apply(t, id, store.Outcome{StepNo: chargeStep, Attempt: 1, Kind: store.OutcomeError, Detail: failure(false)})

	prior, err := w.CancelTask(t.Context(), id, "ada", "wrong cart")
	require.NoError(t, err)
	require.Equal(t, workflow.TaskBlockedByFailures, prior)
	task, steps := w.states(t, id)
	require.Equal(t, workflow.TaskCancelled, task)
	require.Equal(t, []workflow.StepState{workflow.StepComplete, workflow.StepCancelled, workflow.StepCancelled, workflow.StepCancelled}, steps)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.tasks where failed_steps = 0 and sinks_left = 1"))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.workflow_steps where worker_id is not null"))

	moves, err := w.StepHistory(t.Context(), id, nil)
	require.NoError(t, err)
	from := map[string]workflow.StepState{}
	for _, m := range moves {
		if m.To == workflow.StepCancelled {
			from[m.StepName] = m.From
			require.JSONEq(t, `{"by":"ada","reason":"wrong cart"}`, string(m.Detail))
			if m.StepName == "reserve" {
				require.Equal(t, "w1", m.Worker)
				require.EqualValues(t, 1, m.Attempt)
			}
		}
	}
	require.Equal(t, map[string]workflow.StepState{
		"charge": workflow.StepError, "reserve": workflow.StepInProgress, "ship": workflow.StepPending,
	}, from)
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.task_transitions
		where path = '{blocked_by_failures,cancelled}' and detail = '{"by":"ada","reason":"wrong cart"}'`))
	require.NotNil(t, w.step(t, id, reserveStep).CompletedAt)
	require.False(t, w.step(t, id, chargeStep).Results.Success)
}

func TestALateResultOfACancelledStepChangesNothing(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	require.Equal(t, []int32{validateStep}, w.claim(t, id))
	_, err := w.CancelTask(t.Context(), id, "ada", "")
	require.NoError(t, err)

	for _, kind := range []store.OutcomeKind{store.OutcomeComplete, store.OutcomeRetry, store.OutcomeError, store.OutcomeRelease,
		store.OutcomeCrash, store.OutcomeCrashOut, store.OutcomeRetryNow} {
		applied := w.apply(t, id, store.Outcome{StepNo: validateStep, Attempt: 1, Kind: kind, Result: json.RawMessage(`{"late": true}`)})
		require.Equal(t, store.Applied{Stale: []int{0}, States: []workflow.StepState{""}}, applied, "kind %d", kind)
	}
	task, steps := w.states(t, id)
	require.Equal(t, workflow.TaskCancelled, task)
	require.Equal(t, []workflow.StepState{workflow.StepCancelled, workflow.StepCancelled, workflow.StepCancelled, workflow.StepCancelled}, steps)
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.workflow_steps where result is not null"))
}

func TestQueuedAndWaitingStepsOfACancelledTaskAreNeverTaken(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	queued := w.create(t, nil)
	delayed := w.create(t, func(n *store.NewTask) { n.Delay = time.Hour })
	for _, id := range []sdk.UUID{queued, delayed} {
		_, err := w.CancelTask(t.Context(), id, "", "")
		require.NoError(t, err)
	}
	require.Empty(t, w.claim(t, queued))
	w.db.Exec(t, "update tasker.step_timers set run_at = clock_timestamp()")
	fired, err := w.FireTimers(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, fired)
	require.Empty(t, w.claim(t, delayed))
	require.Zero(t, w.db.Count(t, "select (select count(*) from tasker.ready_steps) + (select count(*) from tasker.step_timers)"))
	for _, id := range []sdk.UUID{queued, delayed} {
		task, steps := w.states(t, id)
		require.Equal(t, workflow.TaskCancelled, task)
		require.NotContains(t, steps, workflow.StepPending)
		require.NotContains(t, steps, workflow.StepEnqueued)
	}
}

func TestATaskThatHasEndedCannotBeCancelled(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	for _, state := range workflow.TaskStates {
		if !state.Terminal() {
			continue
		}
		w.db.Exec(t, "update tasker.tasks set state = $1::text::tasker.task_state", string(state))
		prior, err := w.CancelTask(t.Context(), id, "ada", "")
		require.ErrorIs(t, err, store.ErrConflict)
		require.ErrorContains(t, err, string(state))
		require.Equal(t, state, prior)
	}
	_, steps := w.states(t, id)
	require.NotContains(t, steps, workflow.StepCancelled)

	_, err := w.CancelTask(t.Context(), sdk.NewUUID(), "ada", "")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestCancelTellsTheWorkers(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	conn, err := pgx.Connect(t.Context(), w.db.DSN())
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "listen tasker_cancel")
	require.NoError(t, err)
	id := w.create(t, nil)
	_, err = w.CancelTask(t.Context(), id, "ada", "")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	notice, err := conn.WaitForNotification(ctx)
	require.NoError(t, err)
	require.Equal(t, id.String(), notice.Payload)
}

// Whoever comes first, the task ends: complete or cancelled, with counters that equal what counting gives.
func TestCancelAndResultsMayCross(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	const tasks = 40
	ids := make([]sdk.UUID, tasks)
	for i := range ids {
		ids[i] = w.create(t, nil)
	}
	var g errgroup.Group
	g.Go(func() error {
		for done := 0; done < 200; done++ {
			steps, _, err := w.ClaimSteps(context.Background(), store.Lease{WorkerID: w.worker, Handlers: w.handlers, Budget: 20})
			if err != nil {
				return err
			}
			var batch []store.Outcome
			for _, s := range steps {
				batch = append(batch, store.Outcome{TaskUUID: s.TaskUUID, StepNo: s.StepNo, Attempt: s.Counts.Attempt, Kind: store.OutcomeComplete})
			}
			if len(batch) == 0 {
				continue
			}
			_, err = w.ApplyOutcomes(context.Background(), batch, store.Lease{WorkerID: w.worker})
			for store.Classify(err) == store.RemedyRetry {
				_, err = w.ApplyOutcomes(context.Background(), batch, store.Lease{WorkerID: w.worker})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	g.Go(func() error {
		for _, id := range ids {
			if _, err := w.CancelTask(context.Background(), id, "ada", ""); err != nil && !errors.Is(err, store.ErrConflict) {
				return err
			}
		}
		return nil
	})
	require.NoError(t, g.Wait())
	for _, id := range ids {
		task, steps := w.states(t, id)
		require.True(t, task.Terminal(), "%s: %v", task, steps)
		for _, s := range steps {
			require.True(t, s.Terminal(), "%s: %v", task, steps)
			require.False(t, task == workflow.TaskComplete && s != workflow.StepComplete, "%s: %v", task, steps)
		}
	}
	require.Zero(t, w.db.Count(t, `select count(*) from tasker.tasks t where sinks_left <> (
		select count(*) from tasker.workflow_steps s where s.task_uuid = t.task_uuid and s.sink and s.state not in ('complete', 'resolved_manually'))`))
}
