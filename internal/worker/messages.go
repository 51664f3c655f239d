package worker

import (
	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/transport/pgmq"
)

// ExecuteStepMessage hands a leased step to its handler. The answer says whether it was started: one that is in flight
// already is not started again.
type ExecuteStepMessage struct {
	actor.Reply[bool]
	Step store.ClaimedStep
	// Task is shared by the steps of a task that run in this process; nil makes a new one.
	Task *TaskData
}

// ExecuteStepFromPgmqMessage has steps executed that messages of a queue name, as many as the lease has room for.
type ExecuteStepFromPgmqMessage struct {
	actor.Reply[Taken]
	QueueName string
	Lease     store.Lease
}

// ExecuteStepFromEventMessage has the step executed whose message a notification tells of.
type ExecuteStepFromEventMessage struct {
	actor.Reply[Taken]
	Event pgmq.MessageReadyEvent
	Lease store.Lease
}

// SendStepResultMessage hands over the ends of attempts. The answer is the number of slots, of Slots, that steps which
// became ready now use.
type SendStepResultMessage struct {
	actor.Reply[int]
	Completions []*dispatch.Completion
	// Slots are given back by the completions.
	Slots int
}

// BeginStepResultMessage is [SendStepResultMessage] for one completion and callers who must not wait. The answer is nil where
// only that will do.
type BeginStepResultMessage struct {
	actor.Reply[*store.Future[int]]
	Completion *dispatch.Completion
	Slots      int
}

// EndStepResultMessage reads what came of a begun one, which is answered as [SendStepResultMessage] is.
type EndStepResultMessage struct {
	actor.Reply[int]
	Begun *store.Future[int]
}

// ProcessStepCompletionMessage tells that a result was accepted: statistics and domain events follow.
type ProcessStepCompletionMessage struct {
	actor.Reply[struct{}]
	Completion *dispatch.Completion
}

// RefreshTemplateCacheMessage forgets cached templates of one namespace or, with "", of all.
type RefreshTemplateCacheMessage struct {
	actor.Reply[struct{}]
	Namespace string
}

// GetWorkerStatusMessage asks for the worker's status.
type GetWorkerStatusMessage struct{ actor.Reply[WorkerStatus] }

// HealthCheckMessage asks whether the worker can do its work.
type HealthCheckMessage struct{ actor.Reply[HealthReport] }

// GetEventStatusMessage asks for the state of domain events.
type GetEventStatusMessage struct {
	actor.Reply[EventIntegrationStatus]
}

// SetEventIntegrationMessage turns domain events on or off.
type SetEventIntegrationMessage struct {
	actor.Reply[struct{}]
	Enabled bool
}

// DispatchDomainEventsMessage publishes what a finished step declares. The answer says whether it was taken; nothing
// about it ever fails the step.
type DispatchDomainEventsMessage struct {
	actor.Reply[bool]
	Event event.StepEvent
}
