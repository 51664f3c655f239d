package workflow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// diamondOf is a task of four steps: 0, then 1 and 2, then 3.
func diamondOf(task workflow.TaskState, states ...workflow.StepState) workflow.RepairTask {
	children := [][]int32{{1, 2}, {3}, {3}, nil}
	t := workflow.RepairTask{State: task, Steps: map[int32]*workflow.RepairStep{}}
	for no, s := range states {
		t.Steps[int32(no)] = &workflow.RepairStep{State: s, Attempt: 1, Children: children[no], Sink: no == 3}
	}
	for no, s := range states {
		if !s.SatisfiesDependents() {
			for _, c := range children[no] {
				t.Steps[c].WaitingOn++
			}
		}
	}
	return t
}

func path(p *workflow.RepairPlan, no int32) []workflow.StepState {
	for _, c := range p.Steps {
		if c.No == no {
			return c.Path
		}
	}
	return nil
}

type states = []workflow.StepState

func TestAResetStepIsQueuedWithAllItsAttempts(t *testing.T) {
	t.Parallel()
	for from, to := range map[workflow.TaskState][]workflow.TaskState{
		workflow.TaskBlockedByFailures: {"blocked_by_failures", "evaluating_results", "enqueuing_steps", "steps_in_process"},
		workflow.TaskError:             {"error", "pending", "initializing", "enqueuing_steps", "steps_in_process"},
	} {
		p, err := workflow.ResetForRetry(diamondOf(from, "complete", "error", "complete", "pending"), 1)
		require.NoError(t, err)
		require.Equal(t, []workflow.StepChange{{No: 1, Path: states{"error", "pending", "enqueued"}, State: "enqueued", Fresh: true}}, p.Steps)
		require.Equal(t, to, p.TaskPath)
		require.Zero(t, p.FailedSteps)
		require.EqualValues(t, 1, p.Sinks)
		require.False(t, p.Interrupts())
	}
}

func TestATaskStaysBlockedWhileAnotherStepHasFailed(t *testing.T) {
	t.Parallel()
	p, err := workflow.ResetForRetry(diamondOf("blocked_by_failures", "complete", "error", "error", "pending"), 1)
	require.NoError(t, err)
	require.Equal(t, []workflow.TaskState{"blocked_by_failures"}, p.TaskPath)
	p, err = workflow.ResetForRetry(diamondOf("error", "complete", "error", "error", "pending"), 1)
	require.NoError(t, err)
	require.Equal(t, workflow.TaskBlockedByFailures, p.To())
	require.Len(t, p.TaskPath, 7)
}

func TestAStepThatIsEndedByHandReadiesWhatWaitsForIt(t *testing.T) {
	t.Parallel()
	p, err := workflow.ResolveStep(diamondOf("blocked_by_failures", "complete", "error", "complete", "pending"), 1, false)
	require.NoError(t, err)
	require.Equal(t, states{"error", "resolved_manually"}, path(p, 1))
	require.Equal(t, states{"pending", "enqueued"}, path(p, 3))
	require.Equal(t, workflow.TaskStepsInProcess, p.To())

	p, err = workflow.ResolveStep(diamondOf("steps_in_process", "complete", "in_progress", "enqueued", "pending"), 1, true)
	require.NoError(t, err)
	require.Equal(t, states{"in_progress", "complete"}, path(p, 1))
	require.Empty(t, path(p, 3), "it still waits for the other")
	require.EqualValues(t, 1, p.Steps[1].WaitingOn)
	require.True(t, p.Interrupts())

	p, err = workflow.ResolveStep(diamondOf("blocked_by_failures", "complete", "complete", "complete", "error"), 3, true)
	require.NoError(t, err)
	require.Equal(t, []workflow.TaskState{"blocked_by_failures", "evaluating_results", "complete"}, p.TaskPath)
}

func TestRetryFromRunsEverythingDownstreamAgain(t *testing.T) {
	t.Parallel()
	p, err := workflow.RetryFrom(diamondOf("complete", "complete", "complete", "complete", "complete"), 1)
	require.NoError(t, err)
	require.Equal(t, states{"complete", "pending", "enqueued"}, path(p, 1))
	require.Empty(t, path(p, 2))
	require.Equal(t, states{"complete", "pending"}, path(p, 3))
	require.EqualValues(t, 1, p.Steps[1].WaitingOn)
	require.True(t, p.Steps[1].Redone)
	require.Equal(t, []workflow.TaskState{"complete", "pending", "initializing", "enqueuing_steps", "steps_in_process"}, p.TaskPath)

	p, err = workflow.RetryFrom(diamondOf("steps_in_process", "complete", "in_progress", "waiting_for_retry", "pending"), 0)
	require.NoError(t, err)
	require.Equal(t, states{"in_progress", "pending"}, path(p, 1))
	require.Equal(t, states{"waiting_for_retry", "pending"}, path(p, 2))
	for _, c := range p.Steps {
		require.EqualValues(t, []int32{0, 1, 1, 2}[c.No], c.WaitingOn)
	}
	require.True(t, p.Interrupts())

	paused := diamondOf("complete", "complete", "complete", "complete", "complete")
	paused.Paused = true
	p, err = workflow.RetryFrom(paused, 3)
	require.NoError(t, err)
	require.Equal(t, states{"complete", "pending"}, path(p, 3))
	require.EqualValues(t, workflow.HoldGate, p.Steps[0].WaitingOn)
}

func TestAWaitingRetryRunsNow(t *testing.T) {
	t.Parallel()
	p, err := workflow.RunNow(diamondOf("steps_in_process", "waiting_for_retry", "pending", "pending", "pending"), 0)
	require.NoError(t, err)
	require.Equal(t, states{"waiting_for_retry", "pending", "enqueued"}, path(p, 0))
	require.False(t, p.Steps[0].Fresh)
	require.Equal(t, []workflow.TaskState{"steps_in_process"}, p.TaskPath)
}

func TestATaskIsGivenUpOnceNothingOfItCanMove(t *testing.T) {
	t.Parallel()
	p, err := workflow.GiveUp(diamondOf("blocked_by_failures", "complete", "error", "complete", "pending"))
	require.NoError(t, err)
	require.Empty(t, p.Steps)
	require.Equal(t, []workflow.TaskState{"blocked_by_failures", "error"}, p.TaskPath)
	for _, going := range []workflow.StepState{"enqueued", "in_progress", "waiting_for_retry", "enqueued_for_orchestration"} {
		_, err = workflow.GiveUp(diamondOf("blocked_by_failures", "complete", "error", going, "pending"))
		require.ErrorIs(t, err, workflow.ErrNotRepairable, going)
	}
}

func TestAStaleTaskFailsWithWhatCouldStillMove(t *testing.T) {
	t.Parallel()
	p, err := workflow.FailStale(diamondOf("steps_in_process", "complete", "in_progress", "waiting_for_retry", "pending"))
	require.NoError(t, err)
	require.Equal(t, states{"in_progress", "error"}, path(p, 1))
	require.Equal(t, states{"waiting_for_retry", "error"}, path(p, 2))
	require.Empty(t, path(p, 3))
	require.Equal(t, []workflow.TaskState{"steps_in_process", "evaluating_results", "blocked_by_failures", "error"}, p.TaskPath)
	require.EqualValues(t, 2, p.FailedSteps)
}

func TestAResolvedTaskLeavesNoStepOpen(t *testing.T) {
	t.Parallel()
	p, err := workflow.ResolveTask(diamondOf("blocked_by_failures", "complete", "error", "in_progress", "pending"))
	require.NoError(t, err)
	require.Equal(t, states{"error", "resolved_manually"}, path(p, 1))
	require.Equal(t, states{"in_progress", "cancelled"}, path(p, 2))
	require.Equal(t, states{"pending", "cancelled"}, path(p, 3))
	require.Equal(t, workflow.TaskResolvedManually, p.To())
}

func TestAnActionThatDoesNotFitIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	for why, act := range map[string]func() (*workflow.RepairPlan, error){
		"only a step in state error can be reset, this one is complete": func() (*workflow.RepairPlan, error) {
			return workflow.ResetForRetry(diamondOf("complete", "complete", "complete", "complete", "complete"), 0)
		},
		"the step waits for 2 others": func() (*workflow.RepairPlan, error) {
			return workflow.ResolveStep(diamondOf("steps_in_process", "in_progress", "pending", "pending", "pending"), 3, false)
		},
		"a step in state complete cannot complete_manually": func() (*workflow.RepairPlan, error) {
			return workflow.ResolveStep(diamondOf("complete", "complete", "complete", "complete", "complete"), 3, true)
		},
		"the task is cancelled, which is final": func() (*workflow.RepairPlan, error) {
			return workflow.RetryFrom(diamondOf("cancelled", "complete", "cancelled", "cancelled", "cancelled"), 0)
		},
		"the task has not started": func() (*workflow.RepairPlan, error) {
			return workflow.RunNow(diamondOf("pending", "pending", "pending", "pending", "pending"), 0)
		},
		"the step has not run yet": func() (*workflow.RepairPlan, error) {
			return workflow.RetryFrom(diamondOf("steps_in_process", "in_progress", "pending", "pending", "pending"), 1)
		},
		"this one is enqueued": func() (*workflow.RepairPlan, error) {
			return workflow.RunNow(diamondOf("steps_in_process", "enqueued", "pending", "pending", "pending"), 0)
		},
	} {
		_, err := act()
		require.ErrorIs(t, err, workflow.ErrNotRepairable)
		require.ErrorContains(t, err, why)
	}
}
