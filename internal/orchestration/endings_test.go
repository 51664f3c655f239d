package orchestration_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestWhoWaitsForATaskHearsHowItEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	for name, tt := range map[string]struct {
		end  *sdk.StepExecutionResult
		want workflow.TaskState
	}{
		"complete": {success(), workflow.TaskComplete},
		"blocked":  {failure(false), workflow.TaskBlockedByFailures},
	} {
		task := w.create(t, "any")
		claimed := w.claim(t)
		rest, forget := w.Endings.Await(task)
		other, forgetOther := w.Endings.Await(task)
		forgetOther()
		var g errgroup.Group
		for range 5 {
			g.Go(func() error {
				state, err := w.Endings.Wait(t.Context(), task)
				if err == nil && state != tt.want {
					err = errors.New("it ended as " + string(state))
				}
				return err
			})
		}
		w.process(t, store.Lease{}, results(tt.end, claimed...)...)
		require.NoError(t, g.Wait(), name)
		require.Equal(t, tt.want, <-rest, name)
		forget()
		require.Empty(t, other, name)

		state, err := w.Endings.Wait(t.Context(), task) // long after
		require.NoError(t, err)
		require.Equal(t, tt.want, state, name)
	}
}

func TestATaskThatEndsInAnotherProcessIsSeenByLooking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	task := w.create(t, "any")
	var g errgroup.Group
	g.Go(func() error {
		state, err := w.Endings.Wait(t.Context(), task)
		if err == nil && state != workflow.TaskCancelled {
			err = errors.New("it ended as " + string(state))
		}
		return err
	})
	_, err := w.store.CancelTask(t.Context(), task, "me", "")
	require.NoError(t, err)
	require.NoError(t, g.Wait())
}

func TestWaitingForATaskEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	task := w.create(t, "any")
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error, 1)
	go func() { _, err := w.Endings.Wait(ctx, task); gaveUp <- err }()
	cancel()
	err := <-gaveUp
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, task.String())
	_, err = w.Endings.Wait(t.Context(), sdk.NewUUID())
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestWaitingForATaskOutlivesALostConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	task := w.create(t, "any")
	claimed := w.claim(t)
	other := orchestration.NewEndings(w.store) // as in another process: it sees by looking alone
	ended := make(chan error, 1)
	go func() {
		_, err := other.Wait(t.Context(), task)
		ended <- err
	}()
	w.db.Exec(t, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name = 'tasker'")
	testkit.Eventually(t, func() bool {
		_, err := w.store.ApplyOutcomes(t.Context(), []store.Outcome{{TaskUUID: task, Attempt: claimed[0].Counts.Attempt, Kind: store.OutcomeComplete, Result: []byte("{}")}}, store.Lease{})
		return err == nil
	}, "the database stays away")
	require.NoError(t, <-ended)
}
