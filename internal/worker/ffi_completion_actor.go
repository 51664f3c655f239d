package worker

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/internal/store"
)

// FFICompletionActor is the door to [FFICompletionService], and where the completion channel ends.
type FFICompletionActor struct {
	actor.Base
	service *FFICompletionService
	ledger  *ledger
	status  *WorkerStatusActor
	events  *DomainEventActor
}

var (
	_ dispatch.ResultSink          = (*FFICompletionActor)(nil)
	_ dispatch.ResultBeginner      = (*FFICompletionActor)(nil)
	_ dispatch.PostHandlerCallback = (*FFICompletionActor)(nil)
)

// NewFFICompletionActor makes the actor.
func NewFFICompletionActor(s *FFICompletionService, status *WorkerStatusActor, events *DomainEventActor, logger *slog.Logger) *FFICompletionActor {
	return &FFICompletionActor{actor.NewBase("FFICompletionActor", logger), s, s.ledger, status, events}
}

// HandleSendStepResult hands results to orchestration.
func (a *FFICompletionActor) HandleSendStepResult(ctx context.Context, msg SendStepResultMessage) (int, error) {
	return a.service.SendStepResults(ctx, msg.Completions, msg.Slots)
}

// HandleBeginStepResult has a result on its way to orchestration.
func (a *FFICompletionActor) HandleBeginStepResult(ctx context.Context, msg BeginStepResultMessage) (*store.Future[int], error) {
	return a.service.BeginStepResult(ctx, msg.Completion, msg.Slots), nil
}

// HandleEndStepResult goes on with what came of it.
func (a *FFICompletionActor) HandleEndStepResult(ctx context.Context, msg EndStepResultMessage) (int, error) {
	return msg.Begun.Get(ctx)
}

// HandleProcessStepCompletion counts an accepted result and publishes its domain events. The events come last: nothing
// about them can touch the step any more.
func (a *FFICompletionActor) HandleProcessStepCompletion(ctx context.Context, msg ProcessStepCompletionMessage) (struct{}, error) {
	c := msg.Completion
	j := a.ledger.get(c.Message.Key)
	a.ledger.remove(c.Message.Key)
	if c.Released || c.Stale || j == nil {
		return struct{}{}, nil
	}
	a.status.record(c.Result)
	if declared := j.task.Template.Step(j.step.StepNo).Definition.PublishesEvents; len(declared) > 0 {
		_, _ = actor.Ask(ctx, a.events.Handle, DispatchDomainEventsMessage{Event: event.StepEvent{
			TaskUUID: j.task.TaskUUID, StepUUID: c.Result.StepUUID, CorrelationID: j.task.CorrelationID,
			Namespace: j.task.Template.Namespace, TaskName: j.task.Template.Name, TaskVersion: j.task.Template.Version,
			StepName: j.step.Name, Result: c.Result, State: j.became, Declarations: declared,
		}})
	}
	return struct{}{}, nil
}

// AcceptResults implements [dispatch.ResultSink].
func (a *FFICompletionActor) AcceptResults(ctx context.Context, batch []*dispatch.Completion, slots int) (int, error) {
	return actor.Ask(ctx, a.HandleSendStepResult, SendStepResultMessage{Completions: batch, Slots: slots})
}

// BeginResult implements [dispatch.ResultBeginner].
func (a *FFICompletionActor) BeginResult(ctx context.Context, c *dispatch.Completion, slots int) dispatch.BegunResult {
	begun, err := actor.Ask(ctx, a.HandleBeginStepResult, BeginStepResultMessage{Completion: c, Slots: slots})
	if err != nil || begun == nil {
		return nil
	}
	return begunResult{a, begun}
}

// begunResult is a result on its way.
type begunResult struct {
	actor *FFICompletionActor
	begun *store.Future[int]
}

func (r begunResult) FD() int { return r.begun.FD() }

func (r begunResult) End(ctx context.Context) (used int, err error) {
	return actor.Ask(ctx, r.actor.HandleEndStepResult, EndStepResultMessage{Begun: r.begun})
}

// OnHandlerComplete implements [dispatch.PostHandlerCallback].
func (a *FFICompletionActor) OnHandlerComplete(c *dispatch.Completion) {
	_, _ = actor.Ask(context.Background(), a.HandleProcessStepCompletion, ProcessStepCompletionMessage{Completion: c})
}
