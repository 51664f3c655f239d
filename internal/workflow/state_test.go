package workflow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

func TestAStepMovesAsItsTableSays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from workflow.StepState
		on   workflow.StepEvent
		want workflow.StepState
	}{
		"queue a pending step":                 {workflow.StepPending, workflow.StepEnqueue, workflow.StepEnqueued},
		"claim an enqueued step":               {workflow.StepEnqueued, workflow.StepStart, workflow.StepInProgress},
		"report a result":                      {workflow.StepInProgress, workflow.StepReport, workflow.StepEnqueuedForOrchestration},
		"report a failure":                     {workflow.StepInProgress, workflow.StepReportError, workflow.StepEnqueuedAsErrorForOrchestration},
		"accept a result":                      {workflow.StepEnqueuedForOrchestration, workflow.StepFinish, workflow.StepComplete},
		"try again later":                      {workflow.StepEnqueuedAsErrorForOrchestration, workflow.StepWaitForRetry, workflow.StepWaitingForRetry},
		"the time for a retry has come":        {workflow.StepWaitingForRetry, workflow.StepRetry, workflow.StepPending},
		"give up":                              {workflow.StepEnqueuedAsErrorForOrchestration, workflow.StepFail, workflow.StepError},
		"an operator resets a failed step":     {workflow.StepError, workflow.StepResetForRetry, workflow.StepPending},
		"an operator completes a step by hand": {workflow.StepError, workflow.StepCompleteManually, workflow.StepComplete},
		"cancel a running step":                {workflow.StepInProgress, workflow.StepCancel, workflow.StepCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, err := tt.from.Next(tt.on)
			require.NoError(t, err)
			require.Equal(t, tt.want, to)
		})
	}
}

func TestAStepThatHasEndedOnlyTakesWhatItsTableAllows(t *testing.T) {
	t.Parallel()
	for _, s := range workflow.StepStates {
		if !s.Terminal() {
			continue
		}
		for _, on := range []workflow.StepEvent{workflow.StepEnqueue, workflow.StepStart, workflow.StepReport, workflow.StepFail, workflow.StepRetry, workflow.StepCancel} {
			to, err := s.Next(on)
			require.EqualError(t, err, "a step in state "+string(s)+" cannot "+string(on))
			require.Equal(t, s, to)
		}
	}
}

func TestATaskMovesAsItsTableSays(t *testing.T) {
	t.Parallel()
	walk := []struct {
		on   workflow.TaskEvent
		want workflow.TaskState
	}{
		{workflow.TaskStart, workflow.TaskInitializing},
		{workflow.TaskReadyStepsFound, workflow.TaskEnqueuingSteps},
		{workflow.TaskStepsEnqueued, workflow.TaskStepsInProcess},
		{workflow.TaskStepFailed, workflow.TaskEvaluatingResults},
		{workflow.TaskPermanentFailure, workflow.TaskBlockedByFailures},
		{workflow.TaskUnblocked, workflow.TaskEvaluatingResults},
		{workflow.TaskReadyStepsFound, workflow.TaskEnqueuingSteps},
		{workflow.TaskStepsEnqueued, workflow.TaskStepsInProcess},
		{workflow.TaskAllStepsCompleted, workflow.TaskEvaluatingResults},
		{workflow.TaskAllStepsSuccessful, workflow.TaskComplete},
	}
	state := workflow.TaskPending
	for _, step := range walk {
		to, err := state.Next(step.on)
		require.NoError(t, err)
		require.Equal(t, step.want, to)
		state = to
	}
	_, err := state.Next(workflow.TaskCancel)
	require.EqualError(t, err, "a task in state complete cannot cancel")
}

func TestThereAreTwelveTaskStatesAndTenStepStates(t *testing.T) {
	t.Parallel()
	require.Len(t, workflow.TaskStates, 12)
	require.Len(t, workflow.StepStates, 10)
	for _, m := range workflow.LegalStepMoves() {
		require.Contains(t, workflow.StepStates, m[0])
		require.Contains(t, workflow.StepStates, m[1])
		require.NotEqual(t, m[0], m[1])
	}
	for _, m := range workflow.LegalTaskMoves() {
		require.Contains(t, workflow.TaskStates, m[0])
		require.Contains(t, workflow.TaskStates, m[1])
	}
}

func TestATasksStepsSayWhereItStands(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		c         workflow.TaskExecutionContext
		execution workflow.ExecutionStatus
		visible   workflow.TaskState
		final     workflow.TaskState
	}{
		"steps run": {
			workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 4, Completed: 1, InProgress: 1, Pending: 2},
			workflow.ExecutionProcessing, workflow.TaskStepsInProcess, workflow.TaskStepsInProcess,
		},
		"only a retry is due": {
			workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 4, Completed: 1, WaitingForRetry: 1, Pending: 2},
			workflow.ExecutionWaiting, workflow.TaskWaitingForRetry, workflow.TaskStepsInProcess,
		},
		"one failed step blocks, though others are ready": {
			workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 3, Failed: 1, Ready: 1, Completed: 1},
			workflow.ExecutionBlockedByFailures, workflow.TaskStepsInProcess, workflow.TaskBlockedByFailures,
		},
		"all are complete": {
			workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 2, Completed: 2},
			workflow.ExecutionAllComplete, workflow.TaskStepsInProcess, workflow.TaskComplete,
		},
		"the failure was repaired": {
			workflow.TaskExecutionContext{State: workflow.TaskBlockedByFailures, Total: 2, Completed: 1, Ready: 1},
			workflow.ExecutionHasReadySteps, workflow.TaskBlockedByFailures, workflow.TaskStepsInProcess,
		},
		"what has ended stays": {
			workflow.TaskExecutionContext{State: workflow.TaskCancelled, Total: 2, Cancelled: 2},
			workflow.ExecutionWaiting, workflow.TaskCancelled, workflow.TaskCancelled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.execution, tt.c.Status())
			require.Equal(t, tt.visible, tt.c.VisibleState())
			require.Equal(t, tt.final, workflow.DecideFinalization(tt.c))
		})
	}
}
