package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// CreateTask asks for a task and returns it, or the one that an earlier request of the same identity made.
//
// A request without an idempotency key is given a fresh one, so that it can be sent again when its answer was lost: it
// makes one task, and two calls make two. Give a key of your own to have calls find each other's task, or set
// [Config.TemplateIdentity] to leave it to the template.
func (c *Client) CreateTask(ctx context.Context, request sdk.TaskRequest) (*TaskResponse, error) {
	if request.IdempotencyKey == "" && !c.cfg.TemplateIdentity {
		request.IdempotencyKey = sdk.NewUUID().String()
	}
	if len(request.Context) == 0 {
		request.Context = json.RawMessage("{}")
	}
	var task TaskResponse
	r := &call{method: http.MethodPost, path: "/v1/tasks", body: request, once: request.IdempotencyKey == ""}
	if err := c.do(ctx, r, &task); err != nil {
		return nil, err
	}
	return &task, nil
}

// GetTask reads a task with the readiness of its steps.
func (c *Client) GetTask(ctx context.Context, task sdk.UUID) (*TaskResponse, error) {
	var t TaskResponse
	if err := c.do(ctx, &call{method: http.MethodGet, path: taskPath(task)}, &t); err != nil {
		return nil, err
	}
	return &t, nil
}

// TaskQuery picks tasks; an empty field picks all.
type TaskQuery struct {
	// Page counts from 1. Defaults to 1.
	Page int
	// PerPage is 1 to 100. Defaults to the server's 25.
	PerPage int
	// Status is one of the Status values; [StatusPending] picks every task that has not ended.
	Status                  string
	Namespace, Name         string
	Initiator, SourceSystem string
	// Tags that a task must carry, all of them.
	Tags []string
	// Context is JSON that a task's context must contain: objects their fields, lists their items.
	Context string
	// Since and Until pick tasks by when they were created: at or after the one, before the other.
	Since, Until time.Time
}

func (q TaskQuery) values() url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	if q.Page > 0 {
		set("page", strconv.Itoa(q.Page))
	}
	if q.PerPage > 0 {
		set("per_page", strconv.Itoa(q.PerPage))
	}
	set("status", q.Status)
	set("namespace", q.Namespace)
	set("name", q.Name)
	set("initiator", q.Initiator)
	set("source_system", q.SourceSystem)
	set("context", q.Context)
	for key, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			set(key, at.UTC().Format(time.RFC3339Nano))
		}
	}
	for _, tag := range q.Tags {
		v.Add("tag", tag)
	}
	return v
}

// ListTasks reads one page of tasks, newest first.
func (c *Client) ListTasks(ctx context.Context, q TaskQuery) (*TaskListResponse, error) {
	var list TaskListResponse
	if err := c.do(ctx, &call{method: http.MethodGet, path: "/v1/tasks", query: q.values()}, &list); err != nil {
		return nil, err
	}
	return &list, nil
}

// CancelTask ends a task and its open steps. Handlers that run are told; what they still return is dropped. A task that
// has ended is an [Error] with status 400.
func (c *Client) CancelTask(ctx context.Context, task sdk.UUID) (*TaskResponse, error) {
	var t TaskResponse
	r := &call{method: http.MethodDelete, path: taskPath(task)}
	err := c.do(ctx, r, &t)
	var refused *Error
	if r.tries > 1 && errors.As(err, &refused) && refused.StatusCode == http.StatusBadRequest {
		// An earlier try may have done it, and its answer been lost.
		if now, readErr := c.GetTask(ctx, task); readErr == nil && now.Status == StatusCancelled {
			return now, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// DefaultPoll is how often [Client.WaitTask] looks.
const DefaultPoll = 250 * time.Millisecond

// WaitTask returns the task once it rests: it has ended, or is blocked by failures until somebody repairs them. poll is
// the time between looks; 0 means [DefaultPoll]. When ctx is done first, its error is returned.
func (c *Client) WaitTask(ctx context.Context, task sdk.UUID, poll time.Duration) (*TaskResponse, error) {
	if poll <= 0 {
		poll = DefaultPoll
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		t, err := c.GetTask(ctx, task)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, err
		case t.Resting():
			return t, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// ListTaskSteps reads the steps of a task with their results.
func (c *Client) ListTaskSteps(ctx context.Context, task sdk.UUID) ([]StepResponse, error) {
	var steps []StepResponse
	if err := c.do(ctx, &call{method: http.MethodGet, path: taskPath(task) + "/workflow_steps"}, &steps); err != nil {
		return nil, err
	}
	return steps, nil
}

// GetStep reads one step of a task.
func (c *Client) GetStep(ctx context.Context, task, step sdk.UUID) (*StepResponse, error) {
	var s StepResponse
	if err := c.do(ctx, &call{method: http.MethodGet, path: taskPath(task) + "/workflow_steps/" + step.String()}, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

func taskPath(task sdk.UUID) string { return "/v1/tasks/" + task.String() }
