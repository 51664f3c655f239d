package catalog

import (
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

var stepKinds = map[template.StepType]workflow.StepKind{
	template.DecisionStep:            workflow.DecisionStep,
	template.DeferredConvergenceStep: workflow.ConvergenceStep,
	template.BatchableStep:           workflow.BatchableStep,
	template.BatchWorkerStep:         workflow.BatchWorkerStep,
}

// blueprint is how tasks of the template grow; nil if they do not.
func (t *Template) blueprint(initial map[int32]bool, limits workflow.GrowthLimits) *workflow.Blueprint {
	steps := make([]workflow.BlueprintStep, len(t.Steps))
	for i := range t.Steps {
		s, def := &t.Steps[i], t.Steps[i].Definition
		steps[i] = workflow.BlueprintStep{
			Name: def.Name, Kind: stepKinds[def.Type], Initial: initial[s.No], Parents: s.Parents,
		}
		for _, p := range s.Parents {
			steps[p].Children = append(steps[p].Children, s.No)
		}
		if def.Type == template.BatchWorkerStep {
			steps[i].Batches = t.batchPolicy(s)
		}
	}
	return workflow.NewBlueprint(steps, limits)
}

// batchPolicy is what a batch_worker says of its batches, or else the step that is split into them.
func (t *Template) batchPolicy(worker *Step) workflow.BatchPolicy {
	c, preferred := worker.Definition.BatchConfig, false
	for _, p := range worker.Parents {
		if split := t.Steps[p].Definition; split.Type == template.BatchableStep {
			preferred = preferred || split.WorkerTemplate() == worker.Definition.Name
			if c == nil {
				c = split.BatchConfig
			}
		}
	}
	policy := workflow.BatchPolicy{
		Parallelism: template.DefaultParallelism, CursorField: template.DefaultCursorField,
		FailureStrategy: string(template.ContinueOnFailure), Initialization: worker.Definition.Handler.Initialization, Preferred: preferred,
	}
	if c != nil {
		policy.Parallelism, policy.CursorField, policy.FailureStrategy = c.Parallelism, c.CursorField, string(c.FailureStrategy)
	}
	policy.FailFast = policy.FailureStrategy == string(template.FailFast)
	policy.Tolerant = policy.FailureStrategy == string(template.ContinueOnFailure)
	return policy
}

// Step finds a step by its number in a task. The number of a batch leads to the step that it is made by. Nil if there is none.
func (t *Template) Step(no int32) *Step {
	if t.Blueprint != nil && no >= 0 {
		no = t.Blueprint.Pattern(no)
	}
	if no < 0 || int(no) >= len(t.Steps) {
		return nil
	}
	return &t.Steps[no]
}
