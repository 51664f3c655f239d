package worker

import (
	"context"
	"fmt"

	"github.com/tasker-systems/tasker-go/internal/actor"
)

// WorkerCommand is a message for one of the worker's actors.
type WorkerCommand any

// ActorCommandProcessor routes commands to actors, and does nothing else.
type ActorCommandProcessor struct{ actors *WorkerActorRegistry }

// NewActorCommandProcessor routes to these actors.
func NewActorCommandProcessor(r *WorkerActorRegistry) *ActorCommandProcessor {
	return &ActorCommandProcessor{r}
}

// HandleCommand asks the actor that the command is for, and returns its answer.
func (p *ActorCommandProcessor) HandleCommand(ctx context.Context, command WorkerCommand) (answer any, err error) {
	switch msg := command.(type) {
	case ExecuteStepMessage:
		return actor.Ask(ctx, p.actors.StepExecutorActor.HandleExecuteStep, msg)
	case ExecuteStepFromPgmqMessage:
		return actor.Ask(ctx, p.actors.StepExecutorActor.HandleExecuteStepFromPgmq, msg)
	case ExecuteStepFromEventMessage:
		return actor.Ask(ctx, p.actors.StepExecutorActor.HandleExecuteStepFromEvent, msg)
	case SendStepResultMessage:
		return actor.Ask(ctx, p.actors.FFICompletionActor.HandleSendStepResult, msg)
	case ProcessStepCompletionMessage:
		return actor.Ask(ctx, p.actors.FFICompletionActor.HandleProcessStepCompletion, msg)
	case RefreshTemplateCacheMessage:
		return actor.Ask(ctx, p.actors.TemplateCacheActor.Handle, msg)
	case DispatchDomainEventsMessage:
		return actor.Ask(ctx, p.actors.DomainEventActor.Handle, msg)
	case GetWorkerStatusMessage:
		return actor.Ask(ctx, p.actors.WorkerStatusActor.HandleGetWorkerStatus, msg)
	case HealthCheckMessage:
		return actor.Ask(ctx, p.actors.WorkerStatusActor.HandleHealthCheck, msg)
	case GetEventStatusMessage:
		return actor.Ask(ctx, p.actors.WorkerStatusActor.HandleGetEventStatus, msg)
	case SetEventIntegrationMessage:
		return actor.Ask(ctx, p.actors.WorkerStatusActor.HandleSetEventIntegration, msg)
	}
	return nil, fmt.Errorf("no actor takes a command of type %T", command)
}
