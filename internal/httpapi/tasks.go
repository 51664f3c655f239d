package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func (a *api) createTask(w http.ResponseWriter, r *http.Request) (any, error) {
	raw, err := a.readBody(w, r)
	if err != nil {
		return nil, err
	}
	request, err := decodeTaskRequest(raw)
	if err != nil {
		return nil, err
	}
	made, err := actor.Ask(r.Context(), a.TaskRequests.Handle, orchestration.ProcessTaskRequestMessage{Request: request})
	if errors.Is(err, store.ErrNotFound) {
		return nil, a.noTemplate(r.Context(), request.Namespace, request.Name, request.Version)
	}
	if err != nil {
		return nil, err
	}
	if made.Existing {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	return a.task(r.Context(), made.TaskUUID)
}

// task reads a task with the readiness of its steps.
func (a *api) task(ctx context.Context, id sdk.UUID) (any, error) {
	task, err := a.Store.Task(ctx, id)
	if err != nil {
		return nil, noTask(id, err)
	}
	steps, err := a.Store.Steps(ctx, id, false)
	if err != nil {
		return nil, noTask(id, err)
	}
	return taskResponse(task, steps), nil
}

func noTask(id sdk.UUID, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return refuse(http.StatusNotFound, client.CodeNotFound, "there is no task %s", id)
	}
	return err
}

func (a *api) getTask(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	return a.task(r.Context(), id)
}

func (a *api) cancelTask(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	prior, err := a.Store.CancelTask(r.Context(), id, "api", "request "+requestID(r))
	if errors.Is(err, store.ErrConflict) {
		return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "task %s cannot be cancelled: it is %s already", id, prior)
	}
	if err != nil {
		return nil, noTask(id, err)
	}
	return a.task(r.Context(), id)
}

// Pages of tasks.
const (
	defaultPerPage = 25
	maxPerPage     = 100
	maxPage        = 10_000_000
)

func (a *api) listTasks(_ http.ResponseWriter, r *http.Request) (any, error) {
	q := r.URL.Query()
	var problems []string
	page := number(q, "page", 1, maxPage, &problems)
	perPage := number(q, "per_page", defaultPerPage, maxPerPage, &problems)
	filter := store.TaskFilter{
		Namespace: q.Get("namespace"), Name: q.Get("name"), Initiator: q.Get("initiator"), SourceSystem: q.Get("source_system"),
		States: states(q.Get("status"), &problems), Tags: q["tag"], Context: a.contextFilter(q.Get("context"), &problems),
		Since: moment(q, "since", &problems), Until: moment(q, "until", &problems), Limit: perPage, Offset: (page - 1) * perPage,
	}
	if len(problems) > 0 {
		return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "%s", strings.Join(problems, "; "))
	}
	tasks, err := a.Store.Tasks(r.Context(), filter)
	if err != nil {
		return nil, err
	}
	list := client.TaskListResponse{Tasks: []client.TaskResponse{}, Pagination: pagination(page, perPage, tasks.Total)}
	for i := range tasks.Tasks {
		list.Tasks = append(list.Tasks, taskResponse(&tasks.Tasks[i], nil))
	}
	return list, nil
}

// contextFilter reads the JSON that a task's context must contain.
func (a *api) contextFilter(text string, problems *[]string) json.RawMessage {
	if text == "" {
		return nil
	}
	if err := payload.Check([]byte(text), a.Config.Body); err != nil {
		*problems = append(*problems, fmt.Sprintf("context: %v", err))
	}
	return json.RawMessage(text)
}

// moment reads a query parameter that is a time; it is zero if it is not given.
func moment(q url.Values, name string, problems *[]string) time.Time {
	text := q.Get(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		*problems = append(*problems, fmt.Sprintf("%s %q is not a time like 2026-01-31T12:00:00Z", name, text))
	}
	return at
}

// number reads a query parameter from 1 to highest.
func number(q url.Values, name string, absent, highest int, problems *[]string) int {
	text := q.Get(name)
	if text == "" {
		return absent
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > highest {
		*problems = append(*problems, fmt.Sprintf("%s %q is not a number from 1 to %d", name, text, highest))
		return absent
	}
	return n
}

// states are those that a word picks. "pending" picks every task that has not ended, as it does for existing clients.
func states(word string, problems *[]string) []workflow.TaskState {
	switch state := workflow.TaskState(word); {
	case word == "":
		return nil
	case state == workflow.TaskPending:
		return slices.DeleteFunc(slices.Clone(workflow.TaskStates), workflow.TaskState.Terminal)
	case slices.Contains(workflow.TaskStates, state):
		return []workflow.TaskState{state}
	}
	var words []string
	for _, s := range workflow.TaskStates {
		words = append(words, string(s))
	}
	*problems = append(*problems, fmt.Sprintf("status %q is not one of %s", word, strings.Join(words, ", ")))
	return nil
}

func pagination(page, perPage int, total int64) client.PaginationInfo {
	pages := (total + int64(perPage) - 1) / int64(perPage)
	return client.PaginationInfo{
		Page: uint32(page), PerPage: uint32(perPage), TotalCount: uint64(total), TotalPages: uint32(pages),
		HasNext: int64(page) < pages, HasPrevious: page > 1,
	}
}
