package orchestration

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// recordedActions remembers what it was asked for, and plans over a task of one failed step.
type recordedActions struct {
	calls []store.Intervention
	held  []string
}

func (r *recordedActions) Repair(_ context.Context, i store.Intervention, plan func(workflow.RepairTask) (*workflow.RepairPlan, error)) (workflow.TaskState, error) {
	r.calls = append(r.calls, i)
	p, err := plan(workflow.RepairTask{State: workflow.TaskBlockedByFailures, Steps: map[int32]*workflow.RepairStep{0: {State: workflow.StepError, Sink: true}}})
	if err != nil {
		return "", err
	}
	return p.To(), nil
}

func (r *recordedActions) PauseTask(_ context.Context, i store.Intervention) error {
	r.held = append(r.held, i.Action)
	return nil
}

func (r *recordedActions) ResumeTask(_ context.Context, i store.Intervention) error {
	r.held = append(r.held, i.Action)
	return nil
}

func (r *recordedActions) TaskTemplate(context.Context, sdk.UUID) (int32, error) { return 7, nil }

// ByID finds a template whose tasks do not grow.
func (r *recordedActions) ByID(_ context.Context, id int32) (*catalog.Template, error) {
	return &catalog.Template{ID: id}, nil
}

func TestAnOperatorsActionCarriesWhoAndWhy(t *testing.T) {
	t.Parallel()
	s := &recordedActions{}
	o := NewOperators(s, s, payload.Limits{})
	task, step := sdk.NewUUID(), int32(0)
	request := OperatorRequest{TaskUUID: task, Step: &step, By: "ada", Reason: "the gateway is back"}
	for _, action := range []OperatorAction{ActionResetForRetry, ActionResolveManually, ActionRetryFrom} {
		request.Action = action
		require.NoError(t, o.Act(t.Context(), request), action)
	}
	request.Action, request.Result, request.Metadata = ActionCompleteManually, json.RawMessage(`{"total": 1}`), map[string]any{"ticket": 7}
	require.NoError(t, o.Act(t.Context(), request))
	require.Equal(t, store.Intervention{
		TaskUUID: task, Action: "complete_manually", By: "ada", Reason: "the gateway is back",
		Result: json.RawMessage(`{"total": 1}`), Outcome: json.RawMessage(`{"metadata":{"custom":{"ticket":7}}}`),
	}, s.calls[3])
	request.Action = ActionRunNow
	require.ErrorIs(t, o.Act(t.Context(), request), workflow.ErrNotRepairable)

	request.Step = nil
	for _, action := range TaskActions {
		request.Action = action
		require.NoError(t, o.Act(t.Context(), request), action)
	}
	require.Equal(t, []string{"pause", "resume"}, s.held)
}

func TestAnOperatorsActionIsRefusedWithAllThatIsWrong(t *testing.T) {
	t.Parallel()
	s := &recordedActions{}
	o := NewOperators(s, s, payload.Limits{MaxBytes: 10})
	step := int32(0)
	for want, r := range map[string]OperatorRequest{
		`action_type "pause" is not one of reset_for_retry`: {Action: ActionPause, Step: &step, By: "a", Reason: "b"},
		`action_type "run_now" is not one of pause`:         {Action: ActionRunNow, By: "a", Reason: "b"},
		"who acts is required":                              {Action: ActionPause, By: " ", Reason: "b"},
		"reason is required":                                {Action: ActionPause, By: "a"},
		"reason has 5000 bytes":                             {Action: ActionPause, By: "a", Reason: strings.Repeat("r", 5000)},
		"completion_data.result is required":                {Action: ActionCompleteManually, Step: &step, By: "a", Reason: "b"},
		"completion_data.result: ":                          {Action: ActionCompleteManually, Step: &step, By: "a", Reason: "b", Result: json.RawMessage(`"too long for it"`)},
	} {
		var refused *RequestError
		require.True(t, errors.As(o.Act(t.Context(), r), &refused), want)
		require.Contains(t, strings.Join(refused.Problems, "; "), want)
	}
	require.Empty(t, s.calls)
	require.Empty(t, s.held)
}
