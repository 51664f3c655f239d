package workflow

import "fmt"

// TaskState is where a task stands.
type TaskState string

// The twelve states of a task.
const (
	TaskPending                TaskState = "pending"
	TaskInitializing           TaskState = "initializing"
	TaskEnqueuingSteps         TaskState = "enqueuing_steps"
	TaskStepsInProcess         TaskState = "steps_in_process"
	TaskEvaluatingResults      TaskState = "evaluating_results"
	TaskWaitingForDependencies TaskState = "waiting_for_dependencies"
	TaskWaitingForRetry        TaskState = "waiting_for_retry"
	TaskBlockedByFailures      TaskState = "blocked_by_failures"
	TaskComplete               TaskState = "complete"
	TaskError                  TaskState = "error"
	TaskCancelled              TaskState = "cancelled"
	TaskResolvedManually       TaskState = "resolved_manually"
)

// TaskStates lists all states of a task, in the order of a life.
var TaskStates = []TaskState{
	TaskPending, TaskInitializing, TaskEnqueuingSteps, TaskStepsInProcess, TaskEvaluatingResults,
	TaskWaitingForDependencies, TaskWaitingForRetry, TaskBlockedByFailures,
	TaskComplete, TaskError, TaskCancelled, TaskResolvedManually,
}

// TaskEvent asks a task to move.
type TaskEvent string

// The events of a task.
const (
	TaskStart               TaskEvent = "start"
	TaskReadyStepsFound     TaskEvent = "ready_steps_found"
	TaskNoStepsFound        TaskEvent = "no_steps_found"
	TaskNoDependenciesReady TaskEvent = "no_dependencies_ready"
	TaskStepsEnqueued       TaskEvent = "steps_enqueued"
	TaskEnqueueFailed       TaskEvent = "enqueue_failed"
	TaskStepCompleted       TaskEvent = "step_completed"
	TaskAllStepsCompleted   TaskEvent = "all_steps_completed"
	TaskStepFailed          TaskEvent = "step_failed"
	TaskAllStepsSuccessful  TaskEvent = "all_steps_successful"
	TaskPermanentFailure    TaskEvent = "permanent_failure"
	TaskDependenciesReady   TaskEvent = "dependencies_ready"
	TaskRetryReady          TaskEvent = "retry_ready"
	TaskGiveUp              TaskEvent = "give_up"
	TaskUnblocked           TaskEvent = "unblocked"
	TaskCancel              TaskEvent = "cancel"
	TaskResolveManually     TaskEvent = "resolve_manually"
	TaskReset               TaskEvent = "reset"
)

var taskMoves = moves[TaskEvent, TaskState]{
	TaskStart:           {TaskPending: TaskInitializing},
	TaskReadyStepsFound: {TaskInitializing: TaskEnqueuingSteps, TaskEvaluatingResults: TaskEnqueuingSteps},
	TaskNoStepsFound:    {TaskInitializing: TaskComplete},
	TaskNoDependenciesReady: {
		TaskInitializing: TaskWaitingForDependencies, TaskEvaluatingResults: TaskWaitingForDependencies,
	},
	TaskStepsEnqueued:      {TaskEnqueuingSteps: TaskStepsInProcess},
	TaskEnqueueFailed:      {TaskEnqueuingSteps: TaskError},
	TaskStepCompleted:      {TaskStepsInProcess: TaskEvaluatingResults, TaskBlockedByFailures: TaskEvaluatingResults},
	TaskAllStepsCompleted:  {TaskStepsInProcess: TaskEvaluatingResults, TaskBlockedByFailures: TaskEvaluatingResults},
	TaskStepFailed:         {TaskStepsInProcess: TaskEvaluatingResults},
	TaskAllStepsSuccessful: {TaskEvaluatingResults: TaskComplete},
	TaskPermanentFailure:   {TaskEvaluatingResults: TaskBlockedByFailures},
	TaskDependenciesReady:  {TaskWaitingForDependencies: TaskEvaluatingResults},
	TaskRetryReady:         {TaskWaitingForRetry: TaskEnqueuingSteps},
	TaskGiveUp:             {TaskBlockedByFailures: TaskError},
	TaskUnblocked:          {TaskBlockedByFailures: TaskEvaluatingResults},
	TaskReset:              {TaskError: TaskPending, TaskComplete: TaskPending},
	TaskCancel:             fromAll(TaskCancelled, func(s TaskState) bool { return !s.Terminal() }),
	TaskResolveManually:    fromAll(TaskResolvedManually, func(s TaskState) bool { return s != TaskResolvedManually }),
}

func fromAll(to TaskState, include func(TaskState) bool) map[TaskState]TaskState {
	m := map[TaskState]TaskState{}
	for _, s := range TaskStates {
		if include(s) {
			m[s] = to
		}
	}
	return m
}

// Next is the state after an event, or a [TaskTransitionError] when the task's table does not allow it.
func (s TaskState) Next(on TaskEvent) (TaskState, error) {
	if to, ok := taskMoves[on][s]; ok {
		return to, nil
	}
	return s, &TaskTransitionError{From: s, On: on}
}

// Terminal says whether the task has come to its end.
func (s TaskState) Terminal() bool {
	return s == TaskComplete || s == TaskError || s == TaskCancelled || s == TaskResolvedManually
}

// TaskTransitionError reports a move that the task's table does not allow.
type TaskTransitionError struct {
	From TaskState
	On   TaskEvent
}

func (e *TaskTransitionError) Error() string {
	return fmt.Sprintf("a task in state %s cannot %s", e.From, e.On)
}

// LegalTaskMoves lists every move of the table as from-to pairs, for the checker of stored transitions.
func LegalTaskMoves() [][2]TaskState { return taskMoves.pairs() }
