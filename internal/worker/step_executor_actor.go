package worker

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
)

// StepExecutorActor is the door to [StepExecutorService].
type StepExecutorActor struct {
	actor.Base
	service *StepExecutorService
	logger  *slog.Logger
}

// NewStepExecutorActor makes the actor.
func NewStepExecutorActor(s *StepExecutorService, logger *slog.Logger) *StepExecutorActor {
	return &StepExecutorActor{actor.NewBase("StepExecutorActor", logger), s, logger}
}

// HandleExecuteStep dispatches a leased step.
func (a *StepExecutorActor) HandleExecuteStep(ctx context.Context, msg ExecuteStepMessage) (bool, error) {
	return a.service.ExecuteStep(ctx, msg.Step, msg.Task)
}

// HandleExecuteStepFromPgmq claims steps that messages of a queue name, and dispatches them.
func (a *StepExecutorActor) HandleExecuteStepFromPgmq(ctx context.Context, msg ExecuteStepFromPgmqMessage) (Taken, error) {
	steps, more, err := a.service.claimMessages(ctx, msg.QueueName, nil, msg.Lease)
	taken := a.executeAll(ctx, steps)
	taken.More = more
	return taken, err
}

// HandleExecuteStepFromEvent claims the step of the message that an event tells of, and dispatches it. The event is no claim:
// whoever takes the message has the step.
func (a *StepExecutorActor) HandleExecuteStepFromEvent(ctx context.Context, msg ExecuteStepFromEventMessage) (Taken, error) {
	steps, _, err := a.service.claimMessages(ctx, msg.Event.QueueName, []int64{msg.Event.MsgID}, msg.Lease)
	return a.executeAll(ctx, steps), err
}

// executeAll dispatches leased steps whose slots are held.
func (a *StepExecutorActor) executeAll(ctx context.Context, steps []store.ClaimedStep) (t Taken) {
	for _, s := range steps {
		started, err := actor.Ask(ctx, a.HandleExecuteStep, ExecuteStepMessage{Step: s})
		switch {
		case err != nil:
			a.logger.ErrorContext(ctx, "a claimed step cannot be run yet", "step", s.Name, "task_uuid", s.TaskUUID, "error", err)
			t.Failed++
		case started:
			t.Started++
		}
	}
	return t
}
