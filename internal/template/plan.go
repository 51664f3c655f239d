package template

import (
	"fmt"
	"slices"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// Plan is a template as the engine runs it: its steps numbered from 0 so that each comes after all its parents.
type Plan struct {
	Steps []PlanStep

	numbers map[string]int
}

// PlanStep is one step of a [Plan].
type PlanStep struct {
	No         int
	Name       string
	Definition *StepDefinition // of the template that was planned
	// Parents are the steps it waits for and Children those that wait for it, both ascending. A child's number is always
	// greater than its parents'.
	Parents, Children []int
	// Initial steps are created with the task. The others come when a decision or a batchable step is done: all that lies
	// below a decision, batch workers, and whatever waits for one of them.
	Initial bool
	// Sink steps end the workflow: of the initial ones those that no initial step waits for, of the others those that no
	// step waits for.
	Sink bool
}

// Plan numbers the steps in topological order; among those that could come next, the one declared first does. It returns
// an error for a graph that [Validate] would refuse.
func (t *TaskTemplate) Plan() (*Plan, error) {
	g, problems := t.graph()
	for _, p := range problems {
		if p.Kind != workflow.RepeatedDependency {
			return nil, fmt.Errorf("plan %s: step %q: %s", t.Key(), t.Steps[p.Step].Name, p.Kind)
		}
	}
	order, err := g.TopologicalOrder()
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", t.Key(), err)
	}
	plan := &Plan{Steps: make([]PlanStep, len(order)), numbers: make(map[string]int, len(order))}
	numbers := make([]int, len(order)) // by place in the declaration
	for no, declared := range order {
		numbers[declared] = no
	}
	for no, declared := range order {
		s := &plan.Steps[no]
		s.No, s.Name, s.Definition = no, g.Name(declared), &t.Steps[declared]
		plan.numbers[s.Name] = no
		s.Parents = ascending(g.Parents(declared), numbers)
		s.Children = ascending(g.Children(declared), numbers)
		s.Initial = s.Definition.Type != BatchWorkerStep
		for _, parent := range s.Parents {
			p := plan.Steps[parent]
			s.Initial = s.Initial && p.Initial && p.Definition.Type != DecisionStep
		}
	}
	for no := range plan.Steps {
		s := &plan.Steps[no]
		s.Sink = true
		for _, child := range s.Children {
			s.Sink = s.Sink && s.Initial && !plan.Steps[child].Initial
		}
	}
	return plan, nil
}

// Step finds a step by its name.
func (p *Plan) Step(name string) (step *PlanStep, ok bool) {
	no, ok := p.numbers[name]
	if !ok {
		return nil, false
	}
	return &p.Steps[no], true
}

// ascending numbers steps that are named by their places in the declaration.
func ascending(declared, numbers []int) []int {
	steps := make([]int, len(declared))
	for i, d := range declared {
		steps[i] = numbers[d]
	}
	slices.Sort(steps)
	return steps
}
