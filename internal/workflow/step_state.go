package workflow

import "fmt"

// StepState is where a step stands.
type StepState string

// The ten states of a step.
const (
	StepPending                         StepState = "pending"
	StepEnqueued                        StepState = "enqueued"
	StepInProgress                      StepState = "in_progress"
	StepEnqueuedForOrchestration        StepState = "enqueued_for_orchestration"
	StepEnqueuedAsErrorForOrchestration StepState = "enqueued_as_error_for_orchestration"
	StepWaitingForRetry                 StepState = "waiting_for_retry"
	StepComplete                        StepState = "complete"
	StepError                           StepState = "error"
	StepCancelled                       StepState = "cancelled"
	StepResolvedManually                StepState = "resolved_manually"
)

// StepStates lists all states of a step, in the order of a life.
var StepStates = []StepState{
	StepPending, StepEnqueued, StepInProgress, StepEnqueuedForOrchestration, StepEnqueuedAsErrorForOrchestration,
	StepWaitingForRetry, StepComplete, StepError, StepCancelled, StepResolvedManually,
}

// StepEvent asks a step to move.
type StepEvent string

// The events of a step.
const (
	StepEnqueue          StepEvent = "enqueue"
	StepStart            StepEvent = "start"
	StepReport           StepEvent = "enqueue_for_orchestration"
	StepReportError      StepEvent = "enqueue_as_error_for_orchestration"
	StepFinish           StepEvent = "complete"
	StepFail             StepEvent = "fail"
	StepWaitForRetry     StepEvent = "wait_for_retry"
	StepRetry            StepEvent = "retry"
	StepResetForRetry    StepEvent = "reset_for_retry"
	StepRerun            StepEvent = "rerun"
	StepCancel           StepEvent = "cancel"
	StepResolveManually  StepEvent = "resolve_manually"
	StepCompleteManually StepEvent = "complete_manually"
)

var stepMoves = moves[StepEvent, StepState]{
	StepEnqueue:     {StepPending: StepEnqueued},
	StepStart:       {StepEnqueued: StepInProgress},
	StepReport:      {StepInProgress: StepEnqueuedForOrchestration},
	StepReportError: {StepInProgress: StepEnqueuedAsErrorForOrchestration},
	StepFinish:      {StepEnqueuedForOrchestration: StepComplete, StepEnqueuedAsErrorForOrchestration: StepComplete},
	StepFail: {
		StepEnqueuedForOrchestration: StepError, StepEnqueuedAsErrorForOrchestration: StepError,
		StepPending: StepError, StepEnqueued: StepError, StepInProgress: StepError, StepWaitingForRetry: StepError,
	},
	StepWaitForRetry: {
		StepEnqueuedAsErrorForOrchestration: StepWaitingForRetry,
		StepEnqueued:                        StepWaitingForRetry, StepInProgress: StepWaitingForRetry,
	},
	StepRetry:         {StepWaitingForRetry: StepPending},
	StepResetForRetry: {StepError: StepPending},
	StepRerun: {
		StepEnqueued: StepPending, StepInProgress: StepPending, StepEnqueuedForOrchestration: StepPending,
		StepEnqueuedAsErrorForOrchestration: StepPending, StepWaitingForRetry: StepPending, StepError: StepPending,
		StepComplete: StepPending, StepResolvedManually: StepPending,
	},
	StepCancel: {
		StepPending: StepCancelled, StepEnqueued: StepCancelled, StepInProgress: StepCancelled,
		StepEnqueuedForOrchestration: StepCancelled, StepEnqueuedAsErrorForOrchestration: StepCancelled,
		StepWaitingForRetry: StepCancelled, StepError: StepCancelled,
	},
	StepResolveManually: {
		StepPending: StepResolvedManually, StepEnqueued: StepResolvedManually, StepInProgress: StepResolvedManually,
		StepEnqueuedForOrchestration: StepResolvedManually, StepEnqueuedAsErrorForOrchestration: StepResolvedManually,
		StepWaitingForRetry: StepResolvedManually, StepError: StepResolvedManually,
	},
	StepCompleteManually: {
		StepPending: StepComplete, StepEnqueued: StepComplete, StepInProgress: StepComplete,
		StepEnqueuedForOrchestration: StepComplete, StepEnqueuedAsErrorForOrchestration: StepComplete,
		StepWaitingForRetry: StepComplete, StepError: StepComplete,
	},
}

// Next is the state after an event, or a [StepTransitionError] when the step's table does not allow it.
func (s StepState) Next(on StepEvent) (StepState, error) {
	if to, ok := stepMoves[on][s]; ok {
		return to, nil
	}
	return s, &StepTransitionError{From: s, On: on}
}

// Terminal says whether the step has come to its end. An error is no end: an operator can reset it.
func (s StepState) Terminal() bool {
	return s == StepComplete || s == StepCancelled || s == StepResolvedManually
}

// SatisfiesDependents says whether the steps that wait for this one may go on.
func (s StepState) SatisfiesDependents() bool { return s == StepComplete || s == StepResolvedManually }

// StepTransitionError reports a move that the step's table does not allow.
type StepTransitionError struct {
	From StepState
	On   StepEvent
}

func (e *StepTransitionError) Error() string {
	return fmt.Sprintf("a step in state %s cannot %s", e.From, e.On)
}

// LegalStepMoves lists every move of the table as from-to pairs, for the checker of stored transitions.
func LegalStepMoves() [][2]StepState { return stepMoves.pairs() }
