package worker

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Dispatcher takes steps whose slot is held; [dispatch.HandlerDispatchService] is one.
type Dispatcher interface {
	Dispatch(ctx context.Context, m *dispatch.DispatchHandlerMessage)
}

// StepExecutorService turns leased steps into dispatch messages.
type StepExecutorService struct {
	store      *store.Store
	catalog    *catalog.Catalog
	ledger     *ledger
	dispatcher Dispatcher
}

// ExecuteStep dispatches a leased step; its slot must be held. False means that it is in flight already.
func (s *StepExecutorService) ExecuteStep(ctx context.Context, step store.ClaimedStep, task *TaskData) (bool, error) {
	if task == nil {
		t, err := s.catalog.ByID(ctx, step.Task.TemplateID)
		if err != nil {
			return false, fmt.Errorf("execute step %s of task %s: %w", step.Name, step.TaskUUID, err)
		}
		task = newTaskData(s.store, t, step.Task)
	}
	m, err := message(&step.LeasedStep, task)
	if err != nil {
		return false, err
	}
	if !s.ledger.add(&job{message: m, step: step.LeasedStep, task: task}) {
		return false, nil
	}
	s.dispatcher.Dispatch(ctx, m)
	return true, nil
}

// claimMessages leases steps that messages of the queue name or, if ids are given, those of these messages only.
func (s *StepExecutorService) claimMessages(ctx context.Context, queue string, ids []int64, l store.Lease) (steps []store.ClaimedStep, more bool, err error) {
	if ids == nil {
		return s.store.ClaimMessages(ctx, queue, l)
	}
	steps, err = s.store.ClaimNamedMessages(ctx, queue, ids, l)
	return steps, false, err
}

func message(l *store.LeasedStep, task *TaskData) (*dispatch.DispatchHandlerMessage, error) {
	def, err := task.step(l.StepNo)
	if err != nil {
		return nil, err
	}
	no := l.StepNo
	return &dispatch.DispatchHandlerMessage{
		Key:     dispatch.StepKey{TaskUUID: l.TaskUUID, StepNo: no, Attempt: l.Counts.Attempt},
		Handler: def.Definition.Handler.Callable, Method: def.Method, Resolver: def.Resolver, Timeout: def.Timeout, FanOut: def.FanOut,
		Step: sdk.NewStepContext(sdk.StepData{
			TaskUUID: l.TaskUUID, StepNo: no,
			CorrelationID: task.CorrelationID, ParentCorrelationID: task.ParentCorrelationID,
			Namespace: task.Template.Namespace, TaskName: task.Template.Name, TaskVersion: task.Template.Version,
			StepName: l.Name, TemplateStepName: def.Definition.Name,
			HandlerName: def.Definition.Handler.Callable, HandlerMethod: def.Method,
			Config: def.Definition.Handler.Initialization, Dependencies: def.Definition.Dependencies,
			Attempt: l.Counts.Used(), MaxAttempts: def.Policy.MaxAttempts, Timeout: def.Timeout,
			Inputs: l.Inputs, Checkpoint: l.Checkpoint, NumberOf: task.stepNumber,
			LoadInput: task.loadContext,
			LoadResults: func(ctx context.Context, names []string) (map[string]json.RawMessage, error) {
				return task.loadResults(ctx, no, names)
			},
		}),
	}, nil
}
