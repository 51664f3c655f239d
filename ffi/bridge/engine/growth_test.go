package engine

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/sdk"
)

// grown is a step event with what only batches and checkpoints have.
type grown struct {
	TaskSequenceStep struct {
		WorkflowStep struct {
			Name             string
			TemplateStepName string `json:"template_step_name"`
			Attempts         int
			Inputs           json.RawMessage
			Checkpoint       *sdk.SavedCheckpoint
		} `json:"workflow_step"`
	} `json:"task_sequence_step"`
}

func (h *host) grown(handle uint64) (token uint64, e stepEvent, g grown) {
	h.t.Helper()
	f := h.next(handle, bridge.FrameStep)
	require.NoError(h.t, json.Unmarshal(f.Payload, &e))
	require.NoError(h.t, json.Unmarshal(f.Payload, &g))
	return f.Number, e, g
}

func (h *host) completes(handle, token uint64, result string) {
	h.t.Helper()
	h.ok(h.Complete(handle, token, fmt.Appendf(nil, `{"success":true,"result":%s}`, result), false))
}

// W7 for a host of any language: its documents alone say which steps there are.
func TestAHostDecidesWhichStepsThereAre(t *testing.T) {
	t.Parallel()
	h := newHost(t, "approval.yaml")
	w := h.worker(nil, nil, "approval.validate", "approval.route", "approval.auto", "approval.manager", "approval.finance", "approval.finalize")
	task := h.create(w, "conditional_approval", "approval_routing", map[string]any{"amount": 7000, "requester": "ada", "purpose": "tea"})
	ran := []string{}
	for range 5 {
		token, e := h.step(w)
		name := e.TaskSequenceStep.WorkflowStep.Name
		ran = append(ran, name)
		result := `{"done":true}`
		if name == "routing_decision" {
			result = `{"decision_point_outcome":{"type":"create_steps","step_names":["manager_approval","finance_review"]},"amount":7000}`
		}
		if name == "finalize_approval" {
			require.Contains(t, e.TaskSequenceStep.DependencyResults, "manager_approval")
			require.NotContains(t, e.TaskSequenceStep.DependencyResults, "auto_approve")
		}
		h.completes(w, token, result)
	}
	require.ElementsMatch(t, []string{"validate_request", "routing_decision", "manager_approval", "finance_review", "finalize_approval"}, ran)
	h.eventually(func() bool { return h.status(w, task) == "complete" }, "the task is complete")
}

func TestAHostsImpossibleChoiceFailsTheDecision(t *testing.T) {
	t.Parallel()
	h := newHost(t, "approval.yaml")
	w := h.worker(nil, nil, "approval.validate", "approval.route")
	task := h.create(w, "conditional_approval", "approval_routing", map[string]any{"amount": 7000, "requester": "ada", "purpose": "tea"})
	for _, result := range []string{`{}`, `{"decision_point_outcome":{"type":"create_steps","step_names":["manager"]}}`} {
		token, _ := h.step(w)
		h.completes(w, token, result)
	}
	h.eventually(func() bool { return h.status(w, task) == "blocked_by_failures" }, "the decision fails")
	steps := h.Call(w, "client.list_steps", []byte(`{"task_uuid":"`+task+`"}`), patienceMS)
	require.Contains(t, string(steps.Document), `it chose the step \"manager\", which the template does not have`)
	require.Contains(t, string(steps.Document), "DECISION_ERROR")
}

// W8, C1 and C10 for a host of any language.
func TestAHostSplitsItsWorkAndYieldsWithinIt(t *testing.T) {
	t.Parallel()
	h := newHost(t, "inventory.yaml")
	w := h.worker(nil, nil, "inventory.analyze", "inventory.process", "inventory.aggregate")
	task := h.create(w, "csv_processing", "csv_product_inventory", map[string]any{"rows": 2})
	token, _ := h.step(w)
	h.completes(w, token, `{"batch_processing_outcome":{"type":"create_batches","worker_template_name":"process_csv_batch","worker_count":2,"total_items":2,
	  "cursor_configs":[{"batch_id":"001","start_cursor":"a","end_cursor":{"page":2},"batch_size":1},{"batch_id":"002","start_cursor":null,"end_cursor":[1],"batch_size":1}]}}`)
	batches := map[string]string{}
	for range 2 {
		token, first, g := h.grown(w)
		step := g.TaskSequenceStep.WorkflowStep
		require.Equal(t, "process_csv_batch", step.TemplateStepName)
		require.Nil(t, step.Checkpoint)
		batches[step.Name] = first.StepUUID
		if step.Name == "process_csv_batch_001" {
			require.JSONEq(t, `{"cursor":{"batch_id":"001","start_cursor":"a","end_cursor":{"page":2},"batch_size":1},"is_no_op":false,
			  "batch_metadata":{"cursor_field":"row","failure_strategy":"continue_on_failure"},"__template_step_name":"process_csv_batch"}`, string(step.Inputs))
			h.ok(h.Checkpoint(w, token, []byte(`{"cursor":{"at":1},"items_processed":1,"accumulated_results":{"sum":5}}`), patienceMS))
			h.fails(bridge.EStaleToken, h.Complete(w, token, []byte(`{"success":true}`), false))
			again, second, g := h.grown(w)
			for g.TaskSequenceStep.WorkflowStep.Name != step.Name { // the other one may come first
				h.completes(w, again, `{"items_processed":1}`)
				batches[g.TaskSequenceStep.WorkflowStep.Name] = second.StepUUID
				again, second, g = h.grown(w)
			}
			require.NotEqual(t, token, again)
			require.NotEqual(t, first.EventID, second.EventID)
			require.Equal(t, first.StepUUID, second.StepUUID)
			require.Zero(t, g.TaskSequenceStep.WorkflowStep.Attempts, "it uses up no attempt")
			saved := g.TaskSequenceStep.WorkflowStep.Checkpoint
			require.JSONEq(t, `{"at":1}`, string(saved.Cursor))
			require.JSONEq(t, `{"sum":5}`, string(saved.Results))
			require.Len(t, saved.History, 1)
			token = again
		}
		h.completes(w, token, `{"items_processed":1}`)
		if len(batches) == 2 {
			break
		}
	}
	token, e := h.step(w)
	require.Equal(t, "aggregate_csv_results", e.TaskSequenceStep.WorkflowStep.Name)
	for name, id := range batches {
		require.Equal(t, id, e.TaskSequenceStep.DependencyResults[name].StepUUID, "the results of all batches are there")
	}
	h.completes(w, token, `{"total_processed":2}`)
	h.eventually(func() bool { return h.status(w, task) == "complete" }, "the task is complete")
}
