package orchestration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// OperatorAction names what somebody does to a task or a step by hand.
type OperatorAction string

// The actions. Resolving is for steps and, without a step, for tasks; pausing and resuming are for tasks.
const (
	ActionResetForRetry    OperatorAction = "reset_for_retry"
	ActionResolveManually  OperatorAction = "resolve_manually"
	ActionCompleteManually OperatorAction = "complete_manually"
	ActionRetryFrom        OperatorAction = "retry_from"
	ActionRunNow           OperatorAction = "run_now"
	ActionPause            OperatorAction = "pause"
	ActionResume           OperatorAction = "resume"
)

// StepActions and TaskActions are those that fit each.
var (
	StepActions = []OperatorAction{ActionResetForRetry, ActionResolveManually, ActionCompleteManually, ActionRetryFrom, ActionRunNow}
	TaskActions = []OperatorAction{ActionPause, ActionResume, ActionResolveManually}
)

// OperatorRequest asks for an action.
type OperatorRequest struct {
	Action   OperatorAction
	TaskUUID sdk.UUID
	// Step is the step's number; nil for an action on the task.
	Step *int32
	// By says who acts, and Reason why. Both are required and kept in the trail.
	By, Reason string
	// Result is what a step is completed with, any JSON; Metadata is kept beside it.
	Result   json.RawMessage
	Metadata map[string]any
}

// OperatorStore is where actions are written; [store.Store] is one.
type OperatorStore interface {
	Repair(ctx context.Context, i store.Intervention, plan func(workflow.RepairTask) (*workflow.RepairPlan, error)) (workflow.TaskState, error)
	PauseTask(ctx context.Context, i store.Intervention) error
	ResumeTask(ctx context.Context, i store.Intervention) error
	TaskTemplate(ctx context.Context, task sdk.UUID) (id int32, err error)
}

// Templates finds templates; [catalog.Catalog] is one.
type Templates interface {
	ByID(ctx context.Context, id int32) (*catalog.Template, error)
}

// Operators does what people decide about tasks by hand. Each action is one transaction, is kept in the trail with who and
// why, cannot be undone by a handler that still runs, and moves the task on at once.
type Operators struct {
	store     OperatorStore
	templates Templates
	limits    payload.Limits
}

// NewOperators makes the service; limits bound the results that steps are completed with.
func NewOperators(s OperatorStore, t Templates, limits payload.Limits) *Operators {
	return &Operators{s, t, limits}
}

// Act does what is asked. Errors are a [RequestError], [store.ErrConflict] if the state forbids it, [store.ErrNotFound], or
// the database's.
func (o *Operators) Act(ctx context.Context, r OperatorRequest) error {
	if problems := o.check(&r); len(problems) > 0 {
		return &RequestError{Problems: problems}
	}
	i := store.Intervention{TaskUUID: r.TaskUUID, Action: string(r.Action), By: r.By, Reason: r.Reason}
	switch r.Action {
	case ActionPause:
		return o.store.PauseTask(ctx, i)
	case ActionResume:
		return o.store.ResumeTask(ctx, i)
	}
	if err := o.prepare(ctx, &r, &i); err != nil {
		return err
	}
	_, err := o.store.Repair(ctx, i, func(t workflow.RepairTask) (*workflow.RepairPlan, error) { return r.plan(t) })
	var asked *workflow.GrowthError
	if errors.As(err, &asked) {
		return &RequestError{Problems: []string{"completion_data.result: " + asked.Error()}}
	}
	return err
}

// prepare says what an action on a step stores, and what its task grows by.
func (o *Operators) prepare(ctx context.Context, r *OperatorRequest, i *store.Intervention) (err error) {
	if r.Action == ActionCompleteManually {
		i.Step, i.Result = *r.Step, r.Result
		i.Outcome, err = workflow.EncodeOutcome(&sdk.StepExecutionResult{Success: true, Metadata: sdk.StepExecutionMetadata{Custom: r.Metadata}}, "")
		if err != nil {
			return err
		}
	}
	if r.Step == nil {
		return nil
	}
	id, err := o.store.TaskTemplate(ctx, r.TaskUUID)
	if err != nil {
		return err
	}
	t, err := o.templates.ByID(ctx, id)
	if err != nil || t.Blueprint == nil {
		return err
	}
	i.Step, i.Blueprint = *r.Step, t.Blueprint
	if kind := t.Blueprint.Kind(*r.Step); kind.Grows() && (r.Action == ActionResolveManually || r.Action == ActionCompleteManually) {
		result := r.Result
		if r.Action == ActionResolveManually {
			result = kind.NoOutcome()
		}
		i.Grow = func(now workflow.Standing) (workflow.Growth, error) { return t.Blueprint.Grow(now, *r.Step, result) }
	}
	return nil
}

func (r *OperatorRequest) plan(t workflow.RepairTask) (*workflow.RepairPlan, error) {
	switch {
	case r.Step == nil:
		return workflow.ResolveTask(t)
	case r.Action == ActionResetForRetry:
		return workflow.ResetForRetry(t, *r.Step)
	case r.Action == ActionRetryFrom:
		return workflow.RetryFrom(t, *r.Step)
	case r.Action == ActionRunNow:
		return workflow.RunNow(t, *r.Step)
	}
	return workflow.ResolveStep(t, *r.Step, r.Action == ActionCompleteManually)
}

// maxReason bounds what people write, in bytes.
const maxReason = 4096

func (o *Operators) check(r *OperatorRequest) (problems []string) {
	known := TaskActions
	if r.Step != nil {
		known = StepActions
	}
	if !slices.Contains(known, r.Action) {
		problems = append(problems, fmt.Sprintf("action_type %q is not one of %s", r.Action, words(known)))
	}
	for field, value := range map[string]string{"who acts": r.By, "reason": r.Reason} {
		switch err := storable(value); {
		case strings.TrimSpace(value) == "":
			problems = append(problems, field+" is required")
		case len(value) > maxReason:
			problems = append(problems, fmt.Sprintf("%s has %d bytes, at most %d are kept", field, len(value), maxReason))
		case err != nil:
			problems = append(problems, fmt.Sprintf("%s: %v", field, err))
		}
	}
	if r.Action != ActionCompleteManually {
		return problems
	}
	if len(r.Result) == 0 {
		return append(problems, "completion_data.result is required")
	}
	if err := payload.Check(r.Result, o.limits); err != nil {
		problems = append(problems, fmt.Sprintf("completion_data.result: %v", err))
	}
	return problems
}

func words(actions []OperatorAction) string {
	list := make([]string, len(actions))
	for i, a := range actions {
		list[i] = string(a)
	}
	return strings.Join(list, ", ")
}
