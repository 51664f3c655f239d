package event

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestEachConditionHoldsForItsOutcomesOnly(t *testing.T) {
	t.Parallel()
	for condition, want := range map[template.EventCondition][3]bool{ // succeeded, failed retryably, failed permanently
		template.OnSuccess:          {true, false, false},
		template.OnFailure:          {false, true, true},
		template.OnRetryableFailure: {false, true, false},
		template.OnPermanentFailure: {false, false, true},
		template.Always:             {true, true, true},
		"":                          {true, false, false},
		"sometimes":                 {false, false, false},
	} {
		t.Run(fmt.Sprintf("condition %q", condition), func(t *testing.T) {
			t.Parallel()
			got := [3]bool{}
			for i, outcome := range []Outcome{Succeeded, FailedRetryably, FailedPermanently} {
				got[i] = ShouldPublish(condition, outcome)
			}
			require.Equal(t, want, got)
		})
	}
}

func TestTheOutcomeIsWhatBecameOfTheStep(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		success, retryable bool
		state              workflow.StepState
		want               Outcome
	}{
		"success":                                    {true, false, workflow.StepComplete, Succeeded},
		"a failure that is tried again":              {false, true, workflow.StepWaitingForRetry, FailedRetryably},
		"a permanent failure":                        {false, false, workflow.StepError, FailedPermanently},
		"a retryable failure of the last attempt":    {false, true, workflow.StepError, FailedPermanently},
		"a result that the engine could not use":     {true, false, workflow.StepError, FailedPermanently},
		"undecided success":                          {true, true, "", Succeeded},
		"undecided retryable failure":                {false, true, "", FailedRetryably},
		"undecided permanent failure":                {false, false, "", FailedPermanently},
		"a state that says nothing of the attempt":   {false, true, workflow.StepInProgress, FailedRetryably},
		"a result that waits to be processed by one": {true, false, workflow.StepEnqueuedForOrchestration, Succeeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &sdk.StepExecutionResult{Success: tt.success, Metadata: sdk.StepExecutionMetadata{Retryable: tt.retryable}}
			require.Equal(t, tt.want, OutcomeOf(r, tt.state))
		})
	}
}
