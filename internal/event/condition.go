package event

import (
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Outcome is how an attempt ended, as conditions of event declarations see it.
type Outcome uint8

// How an attempt ended.
const (
	Succeeded Outcome = iota
	// FailedRetryably: another attempt follows.
	FailedRetryably
	// FailedPermanently: the step is given up, because of what failed or because its attempts are used up.
	FailedPermanently
)

// String names the outcome as the conditions of declarations do.
func (o Outcome) String() string {
	switch o {
	case Succeeded:
		return string(template.OnSuccess)
	case FailedRetryably:
		return string(template.OnRetryableFailure)
	default:
		return string(template.OnPermanentFailure)
	}
}

// OutcomeOf says how the attempt with this result ended. state is what the result made of the step; one that says nothing
// of the attempt, such as "" where nobody has decided yet, leaves it to what the result says itself.
func OutcomeOf(r *sdk.StepExecutionResult, state workflow.StepState) Outcome {
	switch state {
	case workflow.StepComplete:
		return Succeeded
	case workflow.StepWaitingForRetry:
		return FailedRetryably
	case workflow.StepError:
		return FailedPermanently
	}
	switch {
	case r.Success:
		return Succeeded
	case r.Metadata.Retryable:
		return FailedRetryably
	default:
		return FailedPermanently
	}
}

// ShouldPublish says whether an event with this condition is published after this outcome. No condition means success.
func ShouldPublish(c template.EventCondition, o Outcome) bool {
	switch c {
	case template.OnSuccess, "":
		return o == Succeeded
	case template.OnFailure:
		return o != Succeeded
	case template.OnRetryableFailure:
		return o == FailedRetryably
	case template.OnPermanentFailure:
		return o == FailedPermanently
	case template.Always:
		return true
	default:
		return false
	}
}
