package event

import (
	"encoding/json"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// StepEvent is an attempt whose result was accepted. Nobody may change what it points to after it was dispatched.
type StepEvent struct {
	TaskUUID, StepUUID, CorrelationID sdk.UUID
	Namespace, TaskName, TaskVersion  string
	StepName                          string
	Result                            *sdk.StepExecutionResult
	// State is what the result made of the step: complete, waiting_for_retry or error. "" means that nobody has decided
	// yet: the result's own word counts then.
	State workflow.StepState
	// Declarations are the events that the step's template declares.
	Declarations []template.EventDeclaration
	// TaskSequenceStep is the step with its task, as handlers of other languages see it. Nil stands for a small object of
	// the same shape that names the two.
	TaskSequenceStep json.RawMessage
}

// applicable returns the indices of the declarations that the outcome calls for.
func (e *StepEvent) applicable() []int {
	var chosen []int
	for i := range e.Declarations {
		if ShouldPublish(e.Declarations[i].Condition, OutcomeOf(e.Result, e.State)) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// sequenceStep returns the step with its task.
func (e *StepEvent) sequenceStep() json.RawMessage {
	if e.TaskSequenceStep != nil {
		return e.TaskSequenceStep
	}
	type task struct {
		TaskUUID      sdk.UUID `json:"task_uuid"`
		CorrelationID sdk.UUID `json:"correlation_id"`
	}
	type taskOfTemplate struct {
		Task          task   `json:"task"`
		TaskName      string `json:"task_name"`
		TaskVersion   string `json:"task_version"`
		NamespaceName string `json:"namespace_name"`
	}
	type workflowStep struct {
		WorkflowStepUUID sdk.UUID `json:"workflow_step_uuid"`
		TaskUUID         sdk.UUID `json:"task_uuid"`
		Name             string   `json:"name"`
	}
	raw, err := json.Marshal(struct {
		Task         taskOfTemplate `json:"task"`
		WorkflowStep workflowStep   `json:"workflow_step"`
	}{
		taskOfTemplate{task{e.TaskUUID, e.CorrelationID}, e.TaskName, e.TaskVersion, e.Namespace},
		workflowStep{e.StepUUID, e.TaskUUID, e.StepName},
	})
	if err != nil {
		panic(err) // strings and UUIDs can always be written
	}
	return raw
}
