package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func (a *api) actOnStep(w http.ResponseWriter, r *http.Request) (any, error) {
	task, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	id, err := pathUUID(r, "step")
	if err != nil {
		return nil, err
	}
	step, err := a.step(r, task, id)
	if err != nil {
		return nil, err
	}
	if err := a.act(w, r, task, &step.No); err != nil {
		return nil, err
	}
	if step, err = a.step(r, task, id); err != nil {
		return nil, err
	}
	return stepResponse(step)
}

func (a *api) actOnTask(w http.ResponseWriter, r *http.Request) (any, error) {
	task, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	if err := a.act(w, r, task, nil); err != nil {
		return nil, noTask(task, err)
	}
	return a.task(r.Context(), task)
}

func (a *api) step(r *http.Request, task, id sdk.UUID) (*store.StepView, error) {
	step, err := a.Store.Step(r.Context(), task, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refuse(http.StatusNotFound, client.CodeNotFound, "task %s has no step %s", task, id)
	}
	return step, err
}

// act reads an action and does it.
func (a *api) act(w http.ResponseWriter, r *http.Request, task sdk.UUID, step *int32) error {
	var body client.ManualAction
	if err := a.decode(w, r, &body); err != nil {
		return err
	}
	request := orchestration.OperatorRequest{
		Action: orchestration.OperatorAction(body.ActionType), TaskUUID: task, Step: step, By: body.By(), Reason: body.Reason,
	}
	if d := body.CompletionData; d != nil {
		request.Result, request.Metadata = d.Result, d.Metadata
	}
	err := a.Operators.Act(r.Context(), request)
	if errors.Is(err, store.ErrConflict) {
		return conflict(err)
	}
	return err
}

// conflict tells why the state of things forbids a change.
func conflict(err error) error {
	text := err.Error()
	if at := strings.LastIndex(text, workflow.ErrNotRepairable.Error()+": "); at >= 0 {
		text = text[at:]
	}
	return refuse(http.StatusConflict, client.CodeConflict, "%s", text)
}

// decode reads a JSON object strictly into one of the contract's bodies.
func (a *api) decode(w http.ResponseWriter, r *http.Request, body any) error {
	raw, err := a.readBody(w, r)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(body); err != nil {
		text := misfit(err)
		if unknown, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			text = "unknown field " + unknown
		}
		return refuse(http.StatusBadRequest, client.CodeBadRequest, "%s", text)
	}
	return nil
}

func (a *api) auditStep(_ http.ResponseWriter, r *http.Request) (any, error) {
	task, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	id, err := pathUUID(r, "step")
	if err != nil {
		return nil, err
	}
	step, err := a.step(r, task, id)
	if err != nil {
		return nil, err
	}
	view, err := a.Store.Task(r.Context(), task)
	if err != nil {
		return nil, noTask(task, err)
	}
	moves, err := a.Store.StepHistory(r.Context(), task, &step.No)
	if err != nil {
		return nil, err
	}
	list := []client.StepAudit{}
	for i := range moves {
		if audited(&moves[i]) {
			list = append(list, stepAudit(view, step, &moves[i]))
		}
	}
	return list, nil
}

// audited says whether a move is the end of an attempt, or was made by hand.
func audited(m *store.StepMove) bool {
	return m.Detail != nil || m.From == workflow.StepInProgress
}

func stepAudit(t *store.TaskView, s *store.StepView, m *store.StepMove) client.StepAudit {
	from := string(m.From)
	transition := uuid.NewSHA1(uuid.UUID(t.TaskUUID), []byte(fmt.Sprintf("transition/%d/%s", m.TransitionID, m.To)))
	a := client.StepAudit{
		AuditUUID: uuid.NewSHA1(transition, []byte("audit")), TransitionUUID: transition, WorkflowStepUUID: s.UUID(), TaskUUID: t.TaskUUID,
		RecordedAt: sdk.At(m.At), CorrelationID: &t.CorrelationID, ExecutionTimeMS: m.ExecutionTimeMS, Result: m.Detail,
		StepName: s.Name, FromState: &from, ToState: string(m.To),
		Success: m.To.SatisfiesDependents() || m.To == workflow.StepEnqueuedForOrchestration,
	}
	if m.Worker != "" {
		a.WorkerUUID = &m.Worker
	}
	return a
}

func (a *api) summarizeTask(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	task, err := a.Store.Task(r.Context(), id)
	if err != nil {
		return nil, noTask(id, err)
	}
	steps, err := a.Store.Steps(r.Context(), id, true)
	if err != nil {
		return nil, noTask(id, err)
	}
	at := "/v1/tasks/" + id.String()
	summary := client.TaskSummary{Task: taskResponse(task, nil), Steps: []client.StepSummary{}, Links: map[string]string{
		"self": at, "steps": at + "/workflow_steps", "dlq": "/v1/dlq/task/" + id.String(),
		"template": "/v1/templates/" + task.Namespace + "/" + task.Name + "/" + task.Version,
	}}
	template, err := a.Store.TemplateByID(r.Context(), task.TemplateID)
	if err != nil {
		return nil, err
	}
	summary.TemplateContentHash = template.ContentHash
	for i := range steps {
		summary.Steps = append(summary.Steps, stepSummary(&steps[i]))
	}
	letter, err := a.Store.DeadLetterOf(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return summary, nil
	}
	entry := dlqEntry(&letter)
	summary.DLQ = &entry
	return summary, err
}

func stepSummary(s *store.StepView) client.StepSummary {
	out := client.StepSummary{
		StepUUID: s.UUID(), Name: s.Name, State: string(s.State), Attempts: s.Counts.Used(), MaxAttempts: s.MaxAttempts, NextRetryAt: at(s.RunAt),
	}
	if s.Results != nil {
		out.DurationMS = &s.Results.Metadata.ExecutionTimeMS
		if s.Results.Error != nil {
			out.Error = &s.Results.Error.Message
		}
	}
	return out
}
