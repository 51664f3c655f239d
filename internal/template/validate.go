package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// validate checks what takes more than one value to see. The template has its defaults.
func (r *report) validate(t *TaskTemplate) {
	r.checkSteps(t)
	r.checkGraph(t)
	r.checkTypes(t)
	r.checkEnvironments(t)
	r.checkSchemas(t)
}

func (r *report) checkSteps(t *TaskTemplate) {
	if len(t.Steps) == 0 {
		r.at(codeNoSteps, "", "the template has no steps", "steps")
	}
	for i, s := range t.Steps {
		if s.Name == AllSteps {
			r.at(codeBadName, "environments mean every step by it; choose another name", `no step can have the name "ALL"`,
				"steps", i, "name")
		}
		if s.Retry.MaxBackoffMS < s.Retry.BackoffBaseMS {
			r.backoffOrder(s.Retry, "steps", i, "retry", "max_backoff_ms")
		}
		if s.ResultSchema == nil && s.EnforceResultSchema {
			r.at(codeNoResultSchema, "write one, or take enforce_result_schema away",
				fmt.Sprintf("step %s enforces a result_schema that it does not have", quote(s.Name)), "steps", i, "enforce_result_schema")
		} else if s.ResultSchema == nil {
			r.at(codeNoResultSchema, "steps that depend on it cannot check what they read",
				fmt.Sprintf("step %s has no result_schema", quote(s.Name)), "steps", i, "result_schema")
		}
	}
}

func (r *report) backoffOrder(retry RetryConfiguration, path ...any) {
	r.at(codeBackoffOrder, "", fmt.Sprintf("max_backoff_ms is %d, shorter than backoff_base_ms, which is %d",
		retry.MaxBackoffMS, retry.BackoffBaseMS), path...)
}

// graph is the graph of the steps as far as they can be made one.
func (t *TaskTemplate) graph() (*workflow.Graph, []workflow.GraphProblem) {
	steps := make([]workflow.GraphStep, len(t.Steps))
	for i, s := range t.Steps {
		steps[i] = workflow.GraphStep{Name: s.Name, DependsOn: s.Dependencies}
	}
	return workflow.NewGraph(steps)
}

func (r *report) checkGraph(t *TaskTemplate) {
	g, problems := t.graph()
	names := make([]string, len(t.Steps))
	for i, s := range t.Steps {
		names[i] = s.Name
	}
	for _, p := range problems {
		step := quote(t.Steps[p.Step].Name)
		path := []any{"steps", p.Step, "dependencies", p.Dependency}
		switch p.Kind {
		case workflow.DuplicateStep:
			r.at(codeDuplicateStep, r.firstStep(p.Earlier), fmt.Sprintf("another step has the name %s", step), "steps", p.Step, "name")
		case workflow.SelfDependency:
			r.at(codeSelfDependency, "remove it", fmt.Sprintf("step %s depends on itself", step), path...)
		case workflow.MissingDependency:
			r.missingStep(codeMissingDependency, fmt.Sprintf("step %s depends on", step),
				t.Steps[p.Step].Dependencies[p.Dependency], names, path...)
		case workflow.RepeatedDependency:
			r.at(codeRepeatedDependency, "once is enough", fmt.Sprintf("step %s names the dependency %s twice", step,
				quote(t.Steps[p.Step].Dependencies[p.Dependency])), path...)
		}
	}
	for _, cycle := range g.Cycles() {
		first, last := cycle[0], cycle[len(cycle)-1]
		closing := slices.Index(t.Steps[first].Dependencies, g.Name(last))
		r.at(codeCycle, "remove one of these dependencies", "steps wait for each other in a circle: "+circle(g.PathNames(cycle)),
			"steps", first, "dependencies", closing)
	}
	if g.Len() > 1 {
		for i := range g.Len() {
			if len(g.Parents(i)) == 0 && len(g.Children(i)) == 0 {
				r.at(codeOrphan, "it runs on its own, at once",
					fmt.Sprintf("step %s has neither dependencies nor dependents", quote(g.Name(i))), "steps", i)
			}
		}
	}
}

// missingStep reports a name that should be one of the steps'.
func (r *report) missingStep(c Code, sentence, name string, names []string, path ...any) {
	r.at(c, r.suggest(name, names), fmt.Sprintf("%s %s, which is no step", sentence, quote(name)), path...)
}

// firstStep tells where the step stands that has the name already.
func (r *report) firstStep(step int) string {
	if line := r.root.entry("steps").value.items[step].at.line; line > 0 {
		return fmt.Sprintf("the first is on line %d", line)
	}
	return fmt.Sprintf("the first is steps[%d]", step)
}

// circle spells a cycle; the middle of a very long one is left out.
func circle(names []string) string {
	const ends = 10
	if len(names) > 2*ends+1 {
		left := fmt.Sprintf("… %d more …", len(names)-2*ends)
		names = slices.Concat(names[:ends], []string{left}, names[len(names)-ends:])
	}
	return strings.Join(names, " -> ")
}
