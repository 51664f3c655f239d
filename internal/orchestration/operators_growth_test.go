package orchestration_test

import (
	"slices"
	"strings"
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
func (w *world) doByHand(t testing.TB, action orchestration.OperatorAction, task sdk.UUID, step string, result ...sdk.StepResult) error {
	t.Helper()
	r := orchestration.OperatorRequest{Action: action, TaskUUID: task, By: "ada", Reason: "to see"}
	for _, value := range result {
		r.Result = returned(t, value).Result
	}
	if step != "" {
		no := w.named(t, task, step).No
		r.Step = &no
	}
	return orchestration.NewOperators(w.store, w.catalog, payload.Limits{}).Act(t.Context(), r)
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

func TestADecisionThatFailedIsReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	w.work(t, map[string]sdk.StepResult{"route": sdk.CreateSteps("nobody")})
	require.Equal(t, workflow.TaskBlockedByFailures, w.state(t, task))
	require.NoError(t, w.doByHand(t, orchestration.ActionResetForRetry, task, "route"))
	w.work(t, map[string]sdk.StepResult{"route": sdk.CreateSteps("auto")})
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "auto"), "a branch can run again")
	require.Equal(t, []string{"auto", "finalize"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestADecisionThatRunsAgainTakesItsBranchesBackAndChoosesAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	w.work(t, map[string]sdk.StepResult{"route": sdk.CreateSteps("manager", "finance")})
	require.Equal(t, workflow.TaskComplete, w.state(t, task))

	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "route"))
	require.Equal(t, []string{"validate", "route"}, w.names(t, task))
	require.Equal(t, []string{"route", "auto", "finalize"}, w.work(t, map[string]sdk.StepResult{"route": sdk.CreateSteps("auto")}))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
	require.Equal(t, []string{"validate", "route", "auto", "finalize"}, w.names(t, task))

	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "validate"), "from a step before it, too")
	require.Equal(t, []string{"validate", "route"}, w.work(t, map[string]sdk.StepResult{"route": sdk.NoBranches()}))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
	require.Equal(t, []string{"validate", "route"}, w.names(t, task))
}

// I4
func TestABranchThatWasTakenBackAndCameAgainIsFencedFromItsEarlierLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	w.process(t, store.Lease{}, results(success(), w.claim(t)...)...)
	w.process(t, store.Lease{}, results(returned(t, sdk.CreateSteps("manager")), w.claim(t)...)...)
	zombie := w.claim(t)
	require.Equal(t, "manager", zombie[0].Name)

	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "route"))
	over, err := w.store.RevokedSteps(t.Context(), []store.HeldAttempt{{TaskUUID: task, StepNo: zombie[0].StepNo, Attempt: zombie[0].Counts.Attempt}})
	require.NoError(t, err)
	require.Equal(t, []int{0}, over, "its handler is told")
	require.Equal(t, []int{0}, w.process(t, store.Lease{}, results(success(), zombie...)...).Stale)
	w.process(t, store.Lease{}, results(returned(t, sdk.CreateSteps("manager", "auto")), w.claim(t)...)...)
	require.Equal(t, []int{0}, w.process(t, store.Lease{}, results(success(), zombie...)...).Stale)
	again := w.claim(t)
	require.Len(t, again, 2)
	require.Equal(t, []int{0}, w.process(t, store.Lease{}, results(success(), zombie...)...).Stale)
	manager := w.named(t, task, "manager")
	require.Equal(t, []int32{2, 1}, []int32{manager.Counts.Attempt, manager.Counts.Used()}, "with all its attempts")
	w.process(t, store.Lease{}, results(success(), again...)...)
	require.Equal(t, []string{"finalize"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

// crossing are two decisions, a branch of each, one of both, and what takes whatever there is.
func crossing() []template.StepDefinition {
	return []template.StepDefinition{
		step("start"), typed(template.DecisionStep, "left", "start"), typed(template.DecisionStep, "right", "start"),
		step("a", "left"), step("b", "right"), step("both", "a", "b"), typed(template.DeferredConvergenceStep, "sum", "a", "b"), step("end", "sum"),
	}
}

func TestWhatAnotherDecisionChoseStaysAndWaitsForTheOneThatRunsAgain(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"it decided first": "left", "the other decided first": "right"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register(t, "crossing", template.IdentityAlwaysUnique, crossing()...)
			task := w.create(t, "crossing")
			w.process(t, store.Lease{}, results(success(), w.claim(t)...)...)
			decisions := w.claim(t)
			slices.SortFunc(decisions, func(x, _ store.ClaimedStep) int {
				if x.Name == first {
					return -1
				}
				return 1
			})
			for _, d := range decisions {
				w.process(t, store.Lease{}, results(returned(t, sdk.CreateSteps(map[string]string{"left": "a", "right": "b"}[d.Name])), d)...)
			}
			require.ElementsMatch(t, []string{"a", "b", "both", "sum", "end"}, w.work(t, nil))

			require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "left"))
			require.ElementsMatch(t, []string{"start", "left", "right", "b", "sum", "end"}, w.names(t, task))
			left := w.claim(t)
			require.Len(t, left, 1, "the convergence waits for the decision")
			w.process(t, store.Lease{}, results(returned(t, sdk.NoBranches()), left...)...)
			require.Equal(t, []string{"sum", "end"}, w.work(t, nil))
			require.Equal(t, workflow.TaskComplete, w.state(t, task))

			require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "left"))
			require.ElementsMatch(t, []string{"left", "a", "both", "sum", "end"}, w.work(t, map[string]sdk.StepResult{"left": sdk.CreateSteps("a")}))
			require.Equal(t, workflow.TaskComplete, w.state(t, task))
		})
	}
}

func TestATaskIsNotOverWhileABranchRunsWhoseDependentsWereTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "pair", template.IdentityAlwaysUnique, step("start"), typed(template.DecisionStep, "left", "start"),
		typed(template.DecisionStep, "right", "start"), step("a", "left"), step("b", "right"), step("both", "a", "b"))
	task := w.create(t, "pair")
	w.process(t, store.Lease{}, results(success(), w.claim(t)...)...)
	for _, d := range w.claim(t) {
		w.process(t, store.Lease{}, results(returned(t, sdk.CreateSteps(map[string]string{"left": "a", "right": "b"}[d.Name])), d)...)
	}
	branches := w.claim(t)
	slices.SortFunc(branches, func(x, y store.ClaimedStep) int { return strings.Compare(x.Name, y.Name) })
	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "left"))
	w.process(t, store.Lease{}, results(returned(t, sdk.NoBranches()), w.claim(t)...)...)
	require.Equal(t, workflow.TaskStepsInProcess, w.state(t, task), "b runs, and nothing depends on it any more")
	w.process(t, store.Lease{}, results(success(), branches[1])...)
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestAStepThatSplitsAgainHasOtherBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(2, template.ContinueOnFailure)...)
	task := w.split(t, "batched", 5)
	ran := w.claim(t)
	require.Len(t, ran, 2)
	w.process(t, store.Lease{}, results(success(), ran[0])...)

	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "split"))
	require.Equal(t, []string{"split"}, w.names(t, task))
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.step_batches"))
	require.Equal(t, []int{0}, w.process(t, store.Lease{}, results(success(), ran[1])...).Stale)
	order := w.work(t, map[string]sdk.StepResult{"split": sdk.CreateBatches("work", 3, sdk.SplitRange(3, 1, 0)...)})
	require.ElementsMatch(t, []string{"split", "work_001", "work_002", "work_003", "sum", "end"}, order)
	require.Equal(t, workflow.TaskComplete, w.state(t, task))

	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "split"))
	require.ElementsMatch(t, []string{"split", "work_000", "sum", "end"}, w.work(t, map[string]sdk.StepResult{"split": sdk.NoBatches()}))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestADecisionRunsAgainInAPausedTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "crossing", template.IdentityAlwaysUnique, crossing()...)
	task := w.create(t, "crossing")
	w.work(t, map[string]sdk.StepResult{"left": sdk.CreateSteps("a"), "right": sdk.CreateSteps("b")})
	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "a"))
	require.NoError(t, w.doByHand(t, orchestration.ActionPause, task, ""))
	require.NoError(t, w.doByHand(t, orchestration.ActionRetryFrom, task, "left"))
	require.Empty(t, w.claim(t))
	require.NoError(t, w.doByHand(t, orchestration.ActionResume, task, ""))
	require.ElementsMatch(t, []string{"left", "a", "both", "sum", "end"}, w.work(t, map[string]sdk.StepResult{"left": sdk.CreateSteps("a")}))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestADecisionIsMadeByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	w.process(t, store.Lease{}, results(success(), w.claim(t)...)...)
	route := w.claim(t)

	var refused *orchestration.RequestError
	require.ErrorAs(t, w.doByHand(t, orchestration.ActionCompleteManually, task, "route", sdk.Success(7)), &refused)
	require.Contains(t, refused.Problems[0], `step "route": its result has no decision_point_outcome`)
	require.ErrorAs(t, w.doByHand(t, orchestration.ActionCompleteManually, task, "route", sdk.CreateSteps("manger")), &refused)
	require.Contains(t, refused.Problems[0], `did you mean "manager"?`)
	require.Equal(t, []string{"validate", "route"}, w.names(t, task), "nothing has happened")

	require.NoError(t, w.doByHand(t, orchestration.ActionCompleteManually, task, "route", sdk.CreateSteps("manager").With("by", "ada")))
	require.Equal(t, []int{0}, w.process(t, store.Lease{}, results(returned(t, sdk.CreateSteps("auto")), route...)...).Stale)
	require.ErrorIs(t, w.doByHand(t, orchestration.ActionCompleteManually, task, "route", sdk.CreateSteps("auto")), store.ErrConflict)
	require.Equal(t, []string{"manager", "finalize"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestADecisionThatIsResolvedByHandChoosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "crossing", template.IdentityAlwaysUnique, crossing()...)
	task := w.create(t, "crossing")
	w.work(t, map[string]sdk.StepResult{"left": sdk.CreateSteps("nobody"), "right": sdk.CreateSteps("b")})
	require.Equal(t, workflow.TaskBlockedByFailures, w.state(t, task))
	require.NoError(t, w.doByHand(t, orchestration.ActionResolveManually, task, "left"))
	require.Equal(t, []string{"sum", "end"}, w.work(t, nil), "the convergence takes what there is")
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
	require.Equal(t, workflow.StepResolvedManually, w.named(t, task, "left").State)
}

func TestWorkIsSplitByHandOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "batched", template.IdentityAlwaysUnique, batched(1, template.ContinueOnFailure)...)
	split, whole := w.create(t, "batched"), w.create(t, "batched")
	require.NoError(t, w.doByHand(t, orchestration.ActionCompleteManually, split, "split", sdk.CreateBatches("work", 3, sdk.SplitRange(3, 1, 0)...)))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'enqueued' and step_no > 1"), "one at once")
	require.NoError(t, w.doByHand(t, orchestration.ActionResolveManually, whole, "split"))
	require.ElementsMatch(t, []string{"work_001", "work_002", "work_003", "sum", "end", "work_000", "sum", "end"}, w.work(t, nil))
	require.Equal(t, workflow.TaskComplete, w.state(t, split))
	require.Equal(t, workflow.TaskComplete, w.state(t, whole))
}
