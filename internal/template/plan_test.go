package template_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/internal/template"
)

func TestAPlanNumbersStepsAfterTheirParents(t *testing.T) {
	t.Parallel()
	tmpl := parsed(t, withSteps(step("end", "right", "left"), step("right", "start"), step("left", "start"), step("start")))
	plan, err := tmpl.Plan()
	require.NoError(t, err)
	for i := range plan.Steps {
		require.Same(t, tmpl.Step(plan.Steps[i].Name), plan.Steps[i].Definition)
		plan.Steps[i].Definition = nil
	}
	require.Equal(t, []template.PlanStep{
		{No: 0, Name: "start", Children: []int{1, 2}, Parents: []int{}, Initial: true},
		{No: 1, Name: "right", Children: []int{3}, Parents: []int{0}, Initial: true},
		{No: 2, Name: "left", Children: []int{3}, Parents: []int{0}, Initial: true},
		{No: 3, Name: "end", Children: []int{}, Parents: []int{1, 2}, Initial: true, Sink: true},
	}, plan.Steps)
	end, ok := plan.Step("end")
	require.True(t, ok)
	require.Equal(t, 3, end.No)
	_, ok = plan.Step("nobody")
	require.False(t, ok)
}

func TestOnlyStepsThatDoNotDependOnARunTimeChoiceAreInitial(t *testing.T) {
	t.Parallel()
	typed := func(kind, name string, deps ...string) string {
		return "{type: " + kind + ", " + step(name, deps...)[1:]
	}
	for name, tt := range map[string]struct {
		steps          []string
		initial, sinks []string
	}{
		"all of a plain graph": {[]string{step("a"), step("b", "a"), step("c", "a")}, []string{"a", "b", "c"}, []string{"b", "c"}},
		"what lies below a decision comes later": {
			[]string{step("a"), typed("decision", "d", "a"), step("x", "d"), step("y", "d"), step("x2", "x"), typed("deferred_convergence", "join", "x2", "y")},
			[]string{"a", "d"}, []string{"d", "join"}},
		"also where it depends on an initial step as well": {
			[]string{step("a"), typed("decision", "d", "a"), step("x", "d", "a"), step("beside", "a")}, []string{"a", "d", "beside"}, []string{"d", "x", "beside"}},
		"batch workers are patterns, and what waits for them comes later": {
			[]string{step("a"), typed("batchable", "split", "a"), typed("batch_worker", "work", "split"), typed("deferred_convergence", "sum", "work"), step("end", "sum")},
			[]string{"a", "split"}, []string{"split", "end"}},
		"a convergence of initial steps is initial": {
			[]string{step("a"), step("b"), typed("deferred_convergence", "join", "a", "b")}, []string{"a", "b", "join"}, []string{"join"}},
		"an initial step that only later steps wait for ends the initial graph": {
			[]string{step("a"), step("b", "a"), typed("decision", "d", "a"), step("x", "d", "b")}, []string{"a", "b", "d"}, []string{"b", "d", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := parsed(t, withSteps(tt.steps...)).Plan()
			require.NoError(t, err)
			var initial, sinks []string
			for _, s := range plan.Steps {
				if s.Initial {
					initial = append(initial, s.Name)
				}
				if s.Sink {
					sinks = append(sinks, s.Name)
				}
			}
			require.ElementsMatch(t, tt.initial, initial)
			require.ElementsMatch(t, tt.sinks, sinks)
		})
	}
}

func TestAGraphThatCannotRunHasNoPlan(t *testing.T) {
	t.Parallel()
	for want, steps := range map[string][]template.StepDefinition{
		`plan ns/t/1.0.0: step "a": duplicate_step`:                           {template.NewStep("a", "h"), template.NewStep("a", "h")},
		`plan ns/t/1.0.0: step "a": missing_dependency`:                       {template.NewStep("a", "h", "b")},
		`plan ns/t/1.0.0: step "a": self_dependency`:                          {template.NewStep("a", "h", "a")},
		"plan ns/t/1.0.0: steps wait for each other in a circle: a -> b -> a": {template.NewStep("a", "h", "b"), template.NewStep("b", "h", "a")},
	} {
		_, err := template.New("ns", "t", "1.0.0", steps...).Plan()
		require.EqualError(t, err, want)
	}
	plan, err := template.New("ns", "t", "1.0.0", template.NewStep("a", "h"), template.NewStep("b", "h", "a", "a")).Plan()
	require.NoError(t, err, "a dependency that is named twice is one edge")
	require.Equal(t, []int{0}, plan.Steps[1].Parents)
}

func TestPlansOfAnyGraphHoldWhatTheEngineReliesOn(t *testing.T) {
	t.Parallel()
	types := []template.StepType{template.StandardStep, template.StandardStep, template.DecisionStep, template.DeferredConvergenceStep,
		template.BatchableStep, template.BatchWorkerStep}
	rapid.Check(t, func(t *rapid.T) {
		var steps []template.StepDefinition
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			s := template.NewStep(fmt.Sprint("s", i), "h")
			s.Type = rapid.SampledFrom(types).Draw(t, "type")
			for j := range i {
				if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
					s.Dependencies = append(s.Dependencies, fmt.Sprint("s", j))
				}
			}
			steps = append(steps, s)
		}
		steps = rapid.Permutation(steps).Draw(t, "order")
		plan, err := template.New("ns", "t", "1.0.0", steps...).Plan()
		require.NoError(t, err)
		require.Len(t, plan.Steps, len(steps))
		initialSinks, initial := 0, 0
		for no, s := range plan.Steps {
			require.Equal(t, no, s.No)
			require.Len(t, s.Parents, len(s.Definition.Dependencies))
			for _, parent := range s.Parents {
				require.Less(t, parent, no)
				require.Contains(t, plan.Steps[parent].Children, no)
				if s.Initial {
					require.True(t, plan.Steps[parent].Initial, "an initial step finds its parents")
					require.NotEqual(t, template.DecisionStep, plan.Steps[parent].Definition.Type)
				}
			}
			require.True(t, slices.IsSorted(s.Parents) && slices.IsSorted(s.Children))
			if s.Initial {
				initial++
				require.NotEqual(t, template.BatchWorkerStep, s.Definition.Type)
			}
			if s.Initial && s.Sink {
				initialSinks++
			}
		}
		require.Equal(t, initial > 0, initialSinks > 0, "a task that begins also ends")
	})
}

func TestATemplateOfAsManyStepsAsAnyMayHaveIsCheckedAndPlanned(t *testing.T) {
	t.Parallel()
	steps := []template.StepDefinition{template.NewStep("root", "h")}
	for i := range template.MaxSteps - 2 {
		steps = append(steps, template.NewStep(fmt.Sprintf("wide_%05d", i), "h", "root"))
	}
	steps = append(steps, template.NewStep("end", "h", "root"))
	tmpl := template.New("ns", "t", "1.0.0", steps...)
	require.Empty(t, template.Validate(tmpl))
	plan, err := tmpl.Plan()
	require.NoError(t, err)
	require.Len(t, plan.Steps[0].Children, template.MaxSteps-1)
}
