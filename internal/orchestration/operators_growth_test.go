package orchestration_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// doByHand does an action on the task or, with a name, on one of its steps.
func (w *world) doByHand(t testing.TB, action orchestration.OperatorAction, task sdk.UUID, step string) error {
	t.Helper()
	r := orchestration.OperatorRequest{Action: action, TaskUUID: task, By: "ada", Reason: "to see"}
	if step != "" {
		no := w.named(t, task, step).No
		r.Step = &no
	}
	return orchestration.NewOperators(w.store, payload.Limits{}).Act(t.Context(), r)
}

func TestStepsThatADecisionCreatesInAPausedTaskAreHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	w.process(t, store.Lease{}, results(success(), w.claim(t)...)...)
	route := w.claim(t)
	require.Len(t, route, 1)
	require.NoError(t, w.doByHand(t, orchestration.ActionPause, task, ""))
	applied := w.process(t, w.lease(t), results(returned(t, sdk.CreateSteps("manager", "finance")), route...)...)
	require.Empty(t, applied.Leased)
	require.Contains(t, w.names(t, task), "manager")
	require.Empty(t, w.claim(t))
	violations, err := w.store.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, violations)

	require.NoError(t, w.doByHand(t, orchestration.ActionResume, task, ""))
	require.ElementsMatch(t, []string{"manager", "finance", "finalize"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestADecisionIsResetAfterAFailureAndStandsOnceItIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	w.work(t, map[string]sdk.StepResult{"route": sdk.CreateSteps("nobody")})
	require.Equal(t, workflow.TaskBlockedByFailures, w.state(t, task))
	require.ErrorIs(t, w.doByHand(t, orchestration.ActionResolveManually, task, "route"), store.ErrConflict)
	require.NoError(t, w.doByHand(t, orchestration.ActionResetForRetry, task, "route"))
	w.work(t, map[string]sdk.StepResult{"route": sdk.CreateSteps("auto")})
	require.Equal(t, workflow.TaskComplete, w.state(t, task))

	require.ErrorIs(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "validate"), store.ErrConflict)
	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "auto"), "a branch can run again")
	require.Equal(t, []string{"auto", "finalize"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}
