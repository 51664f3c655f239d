package orchestration_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// typed is a step of another type than standard.
func typed(kind template.StepType, name string, parents ...string) template.StepDefinition {
	s := step(name, parents...)
	s.Type = kind
	return s
}

// approval is the shape of W7.
func approval() []template.StepDefinition {
	return []template.StepDefinition{
		step("validate"), typed(template.DecisionStep, "route", "validate"), step("auto", "route"), step("manager", "route"), step("finance", "route"),
		typed(template.DeferredConvergenceStep, "finalize", "auto", "manager", "finance"),
	}
}

// returned is the success of a handler.
func returned(t testing.TB, r sdk.StepResult) *sdk.StepExecutionResult {
	t.Helper()
	raw, err := json.Marshal(r.Value)
	require.NoError(t, err)
	return &sdk.StepExecutionResult{Success: true, Status: sdk.StatusCompleted, Result: raw}
}

// names are those of a task's steps.
func (w *world) names(t testing.TB, task sdk.UUID) []string {
	t.Helper()
	steps, err := w.store.Steps(t.Context(), task, false)
	require.NoError(t, err)
	var names []string
	for _, s := range steps {
		names = append(names, s.Name)
	}
	return names
}

// named reads a step by its name.
func (w *world) named(t testing.TB, task sdk.UUID, name string) *store.StepView {
	t.Helper()
	steps, err := w.store.Steps(t.Context(), task, true)
	require.NoError(t, err)
	at := slices.IndexFunc(steps, func(s store.StepView) bool { return s.Name == name })
	require.GreaterOrEqual(t, at, 0, "the task has no step %s", name)
	return &steps[at]
}

// work claims and ends whatever there is until nothing is left. Steps end as ends says by name, or else in success.
func (w *world) work(t testing.TB, ends map[string]sdk.StepResult) (ran []string) {
	t.Helper()
	for {
		claimed := w.claim(t)
		if len(claimed) == 0 {
			return ran
		}
		for _, c := range claimed {
			ran = append(ran, c.Name)
			end := success()
			if r, ok := ends[c.Name]; ok {
				end = returned(t, r)
			}
			w.process(t, store.Lease{}, results(end, c)...)
		}
	}
}

func TestADecisionCreatesItsBranchesAsItCompletes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	require.Equal(t, []string{"validate", "route"}, w.names(t, task), "only what no choice decides about is there")
	ran := w.work(t, map[string]sdk.StepResult{"route": sdk.CreateSteps("manager", "finance")})
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
	require.ElementsMatch(t, []string{"validate", "route", "manager", "finance", "finalize"}, ran)
	require.Equal(t, "finalize", ran[len(ran)-1])
	require.EqualValues(t, 2, w.named(t, task, "finalize").Parents, "it waits for those of its dependencies that there are")
}

func TestADecisionForNoBranchEndsTheTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	require.Equal(t, []string{"validate", "route"}, w.work(t, map[string]sdk.StepResult{"route": sdk.NoBranches()}))
	require.Equal(t, workflow.TaskComplete, w.state(t, task))
}

func TestTheStepsOfADecisionGoStraightToTheAskingWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	w.process(t, store.Lease{}, results(success(), w.claim(t)...)...)
	applied := w.process(t, w.lease(t), results(returned(t, sdk.CreateSteps("auto")), w.claim(t)...)...)
	require.Len(t, applied.Leased, 1)
	require.Equal(t, "auto", applied.Leased[0].Name)
	require.Equal(t, []workflow.StepState{workflow.StepComplete}, applied.States)
	require.Equal(t, workflow.TaskStepsInProcess, w.state(t, task))
}

// E2 for decisions: what cannot be carried out fails the step for good, with a reason for people.
func TestAnImpossibleChoiceFailsTheDecisionForGoodAndSaysWhy(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]func(t *testing.T, w *world, claimed []store.ClaimedStep, end *sdk.StepExecutionResult){
		"a result that is processed at once": func(t *testing.T, w *world, claimed []store.ClaimedStep, end *sdk.StepExecutionResult) {
			w.process(t, store.Lease{}, results(end, claimed...)...)
		},
		"a result that waited for a server": func(t *testing.T, w *world, claimed []store.ClaimedStep, end *sdk.StepExecutionResult) {
			n, err := w.store.ReportResults(t.Context(), []store.Report{{
				TaskUUID: claimed[0].TaskUUID, StepNo: claimed[0].StepNo, Attempt: claimed[0].Counts.Attempt, Success: true, Result: end.Result,
			}}, w.worker)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			waiting := results(end, claimed...)
			waiting[0].From = workflow.StepEnqueuedForOrchestration
			w.process(t, store.Lease{}, waiting...)
			_, err = w.store.TakeResults(t.Context(), 1)
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
			task := w.create(t, "approval")
			w.process(t, store.Lease{}, results(success(), w.claim(t)...)...)
			from(t, w, w.claim(t), returned(t, sdk.CreateSteps("manger")))
			require.Equal(t, workflow.TaskBlockedByFailures, w.state(t, task))
			route := w.named(t, task, "route")
			require.Equal(t, workflow.StepError, route.State)
			require.EqualValues(t, 1, route.Counts.Used())
			require.Equal(t, sdk.ErrTypeDecision, route.Results.Error.ErrorType)
			require.Equal(t, `step "route": it chose the step "manger", which the template does not have; did you mean "manager"?`, route.Results.Error.Message)
			require.False(t, route.Results.Success)
			require.Equal(t, []string{"validate", "route"}, w.names(t, task))
		})
	}
}

func TestADecisionThatIsReportedTwiceCreatesItsStepsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	w.process(t, store.Lease{}, results(success(), w.claim(t)...)...)
	decided := results(returned(t, sdk.CreateSteps("auto")), w.claim(t)...)
	w.process(t, store.Lease{}, decided...)
	again := w.process(t, w.lease(t), decided...)
	require.True(t, again.Again, "it was applied before")
	require.Empty(t, again.Stale)
	require.Empty(t, again.Leased)
	require.Equal(t, []string{"validate", "route", "auto", "finalize"}, w.names(t, task))
}

// I4
func TestADecisionOfALostAttemptCreatesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "approval", template.IdentityAlwaysUnique, approval()...)
	task := w.create(t, "approval")
	w.process(t, store.Lease{}, results(success(), w.claim(t)...)...)
	lost := results(returned(t, sdk.CreateSteps("auto")), w.claim(t)...)
	w.process(t, store.Lease{}, results(nil, w.claimedAgain(t, lost)...)...)
	heir := w.claim(t)
	late := w.process(t, store.Lease{}, lost...)
	require.Equal(t, []int{0}, late.Stale)
	require.Equal(t, []workflow.StepState{""}, late.States)
	require.Equal(t, []string{"validate", "route"}, w.names(t, task))
	w.process(t, store.Lease{}, results(returned(t, sdk.CreateSteps("manager")), heir...)...)
	require.Equal(t, []string{"validate", "route", "manager", "finalize"}, w.names(t, task))
}

// claimedAgain are the steps of results, to be given back.
func (w *world) claimedAgain(t testing.TB, all []workflow.AttemptResult) (claimed []store.ClaimedStep) {
	t.Helper()
	for _, r := range all {
		claimed = append(claimed, store.ClaimedStep{
			LeasedStep: store.LeasedStep{TaskUUID: r.TaskUUID, StepNo: r.StepNo, Counts: r.Counts}, Task: store.TaskHeader{TemplateID: r.TemplateID},
		})
	}
	return claimed
}

func TestNestedDecisionsRunToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "nested", template.IdentityAlwaysUnique,
		step("start"), typed(template.DecisionStep, "outer", "start"), step("plain", "outer"), typed(template.DecisionStep, "inner", "outer"),
		step("deep", "inner"), step("deeper", "deep"), typed(template.DeferredConvergenceStep, "join", "plain", "deeper"), step("end", "join"))
	for name, tt := range map[string]struct {
		outer, inner sdk.StepResult
		want         []string
	}{
		"both":           {sdk.CreateSteps("plain", "inner"), sdk.CreateSteps("deep"), []string{"start", "outer", "plain", "inner", "deep", "deeper", "join", "end"}},
		"the outer only": {sdk.CreateSteps("plain", "inner"), sdk.NoBranches(), []string{"start", "outer", "plain", "inner", "join", "end"}},
		"the inner only": {sdk.CreateSteps("inner"), sdk.CreateSteps("deep"), []string{"start", "outer", "inner", "deep", "deeper", "join", "end"}},
		"neither":        {sdk.CreateSteps("inner"), sdk.NoBranches(), []string{"start", "outer", "inner"}},
	} {
		task := w.create(t, "nested")
		ran := w.work(t, map[string]sdk.StepResult{"outer": tt.outer, "inner": tt.inner})
		require.ElementsMatch(t, tt.want, ran, name)
		require.Equal(t, workflow.TaskComplete, w.state(t, task), name)
		require.Equal(t, tt.want[len(tt.want)-1], ran[len(ran)-1], name)
	}
}

// Whatever ends at the same moment, no branch is lost and no step waits for ever: two decisions, a step that depends on one of
// them and on a step that is just then ending, and a convergence over all of it.
func TestStepsThatEndAtOnceLoseNoBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "race", template.IdentityAlwaysUnique,
		step("start"), step("beside", "start"), typed(template.DecisionStep, "d", "start"), typed(template.DecisionStep, "e", "start"),
		step("x", "beside", "d"), step("y", "d", "e"), step("z", "e"), typed(template.DeferredConvergenceStep, "join", "x", "y", "z", "beside"))
	ends := map[string]sdk.StepResult{"d": sdk.CreateSteps("x", "y"), "e": sdk.CreateSteps("y", "z")}
	const tasks, hands = 60, 6
	for range tasks {
		w.create(t, "race")
	}
	for left := tasks * 8; left > 0; {
		var claimed []store.ClaimedStep
		for {
			more := w.claim(t)
			if claimed = append(claimed, more...); len(more) == 0 {
				break
			}
		}
		require.NotEmpty(t, claimed, "%d steps wait for ever", left)
		left -= len(claimed)
		var g errgroup.Group
		for hand := range hands {
			g.Go(func() error {
				for n := hand; n < len(claimed); n += hands {
					end := success()
					if r, ok := ends[claimed[n].Name]; ok {
						raw, _ := json.Marshal(r.Value)
						end = &sdk.StepExecutionResult{Success: true, Result: raw}
					}
					if err := w.insist(t, results(end, claimed[n])); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
	}
	require.Equal(t, tasks, w.db.Count(t, "select count(*) from tasker.tasks where state = 'complete'"))
	require.Equal(t, tasks*8, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'complete'"))
}

// insist processes a result until it does not lose a race, as a worker does.
func (w *world) insist(t testing.TB, all []workflow.AttemptResult) error {
	for {
		_, err := actor.Ask(t.Context(), w.ResultProcessorActor.Handle, orchestration.ProcessStepResultMessage{Results: all})
		if store.Classify(err) != store.RemedyRetry {
			return err
		}
	}
}

func TestADecisionMayCreateAHundredStepsAndNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n, want := range map[int]workflow.TaskState{workflow.DefaultStepsPerDecision: workflow.TaskComplete, workflow.DefaultStepsPerDecision + 1: workflow.TaskBlockedByFailures} {
		name := fmt.Sprintf("wide_%d", n)
		steps, branches := []template.StepDefinition{step("start"), typed(template.DecisionStep, "d", "start")}, []string{}
		for i := range n {
			branches = append(branches, fmt.Sprintf("b%d", i))
			steps = append(steps, step(branches[i], "d"))
		}
		w.register(t, name, template.IdentityAlwaysUnique, steps...)
		task := w.create(t, name)
		w.work(t, map[string]sdk.StepResult{"d": sdk.CreateSteps(branches...)})
		require.Equal(t, want, w.state(t, task), n)
	}
}
