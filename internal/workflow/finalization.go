package workflow

// ExecutionStatus sums up a task's steps.
type ExecutionStatus string

// The summaries, first match wins.
const (
	ExecutionBlockedByFailures ExecutionStatus = "blocked_by_failures"
	ExecutionHasReadySteps     ExecutionStatus = "has_ready_steps"
	ExecutionProcessing        ExecutionStatus = "processing"
	ExecutionAllComplete       ExecutionStatus = "all_complete"
	ExecutionWaiting           ExecutionStatus = "waiting_for_dependencies"
)

// TaskExecutionContext counts the steps of a task.
type TaskExecutionContext struct {
	State TaskState
	// Total counts all steps; the others those in the named states. InProgress counts enqueued, running and reported
	// ones; Completed those that satisfy dependents; Ready those that could start now.
	Total, Pending, InProgress, Completed, Failed, Ready, WaitingForRetry, Cancelled int64
}

// Status sums the counts up.
func (c TaskExecutionContext) Status() ExecutionStatus {
	switch {
	case c.Failed > 0:
		return ExecutionBlockedByFailures
	case c.Ready > 0:
		return ExecutionHasReadySteps
	case c.InProgress > 0:
		return ExecutionProcessing
	case c.Total > 0 && c.Completed == c.Total:
		return ExecutionAllComplete
	}
	return ExecutionWaiting
}

// RecommendedAction tells a client what follows from the status.
func (c TaskExecutionContext) RecommendedAction() string {
	switch c.Status() {
	case ExecutionBlockedByFailures:
		return "handle_failures"
	case ExecutionHasReadySteps:
		return "execute_ready_steps"
	case ExecutionProcessing:
		return "wait_for_completion"
	case ExecutionAllComplete:
		return "finalize_task"
	}
	return "wait_for_dependencies"
}

// Health is blocked, recovering, healthy or unknown.
func (c TaskExecutionContext) Health() string {
	switch {
	case c.Failed > 0:
		return "blocked"
	case c.WaitingForRetry > 0:
		return "recovering"
	case c.Total > 0:
		return "healthy"
	}
	return "unknown"
}

// CompletionPercentage is 0 to 100.
func (c TaskExecutionContext) CompletionPercentage() float64 {
	if c.Total == 0 {
		return 0
	}
	return float64(c.Completed) * 100 / float64(c.Total)
}

// VisibleState is the state that people see: a task in process whose only open steps wait for their retry, or for others,
// says so.
func (c TaskExecutionContext) VisibleState() TaskState {
	if c.State == TaskStepsInProcess && c.InProgress == 0 && c.Ready == 0 && c.WaitingForRetry > 0 {
		return TaskWaitingForRetry
	}
	return c.State
}

// DecideFinalization is the state that a task's steps ask for, or its present one. It is the same rule the store applies
// to its counters when a step ends.
func DecideFinalization(c TaskExecutionContext) TaskState {
	switch {
	case c.State.Terminal() || c.State == TaskPending:
		return c.State
	case c.Failed > 0:
		return TaskBlockedByFailures
	case c.Completed+c.Cancelled == c.Total:
		return TaskComplete
	case c.State == TaskBlockedByFailures:
		return TaskStepsInProcess
	}
	return c.State
}
