package engine

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	contract "github.com/tasker-systems/tasker-go/sdk/client"
)

// route is a call of the REST API.
type route struct {
	method string
	// path holds the names of parameters that stand in it, as {name}.
	path string
	// query lists the parameters that the query may hold, and fields those of the body.
	query, fields []string
	// action is the body's action_type, if it has one.
	action string
	// whole sends the parameters as they are as the body.
	whole bool
}

const (
	taskPath = "v1/tasks/{task_uuid}"
	stepPath = taskPath + "/workflow_steps/{step_uuid}"
	dlqPath  = "v1/dlq/entry/{dlq_entry_uuid}"
)

var routes = map[string]route{
	"client.create_task": {method: http.MethodPost, path: "v1/tasks", whole: true},
	"client.get_task":    {method: http.MethodGet, path: taskPath},
	"client.list_tasks": {method: http.MethodGet, path: "v1/tasks", query: []string{"page", "per_page", "limit", "offset",
		"namespace", "status", "name", "initiator", "source_system", "tag", "context", "since", "until"}},
	"client.cancel_task":  {method: http.MethodDelete, path: taskPath},
	"client.task_summary": {method: http.MethodGet, path: taskPath + "/summary"},
	"client.list_steps":   {method: http.MethodGet, path: taskPath + "/workflow_steps"},
	"client.get_step":     {method: http.MethodGet, path: stepPath},
	"client.step_audit":   {method: http.MethodGet, path: stepPath + "/audit"},

	"client.reset_for_retry":   act(stepPath, contract.ActionResetForRetry, "reset_by"),
	"client.resolve_manually":  act(stepPath, contract.ActionResolveManually, "resolved_by"),
	"client.complete_manually": act(stepPath, contract.ActionCompleteManually, "completed_by", "completion_data"),
	"client.retry_from":        act(stepPath, contract.ActionRetryFrom, "requested_by"),
	"client.run_now":           act(stepPath, contract.ActionRunNow, "requested_by"),
	"client.pause_task":        act(taskPath, contract.ActionPause, "requested_by"),
	"client.resume_task":       act(taskPath, contract.ActionResume, "requested_by"),
	"client.resolve_task":      act(taskPath, contract.ActionResolveManually, "resolved_by"),

	"client.list_dlq":      {method: http.MethodGet, path: "v1/dlq", query: []string{"resolution_status", "limit", "offset"}},
	"client.get_dlq_entry": {method: http.MethodGet, path: "v1/dlq/task/{task_uuid}"},
	"client.add_dlq_entry": {method: http.MethodPost, path: "v1/dlq/task/{task_uuid}", fields: []string{"requested_by", "reason"}},
	"client.update_dlq_entry": {method: http.MethodPatch, path: dlqPath,
		fields: []string{"resolution_status", "resolution_notes", "resolved_by", "metadata"}},
	"client.requeue_dlq_entry":  {method: http.MethodPost, path: dlqPath + "/requeue", fields: []string{"requested_by", "reason"}},
	"client.dlq_stats":          {method: http.MethodGet, path: "v1/dlq/stats"},
	"client.dlq_investigations": {method: http.MethodGet, path: "v1/dlq/investigation-queue", query: []string{"limit"}},
	"client.dlq_staleness":      {method: http.MethodGet, path: "v1/dlq/staleness", query: []string{"limit"}},

	"client.health":  {method: http.MethodGet, path: "health"},
	"templates.list": {method: http.MethodGet, path: "v1/templates", query: []string{"namespace", "include_cache_stats"}},
	"templates.get":  {method: http.MethodGet, path: "v1/templates/{namespace}/{name}/{version}"},
	"health.live":    {method: http.MethodGet, path: "health/live"},
	"health.ready":   {method: http.MethodGet, path: "health/ready"},
}

// act is the route of what somebody does by hand.
func act(path, action string, fields ...string) route {
	return route{method: http.MethodPatch, path: path, action: action, fields: append(fields, "reason")}
}

// send calls the API. Each parameter goes where the route says; one that has no place is refused by its name.
func (r *route) send(ctx context.Context, api *rest, params []byte) ([]byte, error) {
	if r.whole {
		return api.do(ctx, r.method, r.path, nil, params)
	}
	given, err := object(params)
	if err != nil {
		return nil, err
	}
	body, err := r.takeBody(given)
	if err != nil {
		return nil, err
	}
	values, err := scalars(given)
	if err != nil {
		return nil, err
	}
	path, err := r.fill(values)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for key, list := range values {
		if !slices.Contains(r.query, key) {
			return nil, bridge.Errorf(bridge.EInvalid, "unknown parameter %q", key).With("key", key)
		}
		query[key] = list
	}
	if slices.Contains(r.query, "per_page") {
		if err := pages(query); err != nil {
			return nil, err
		}
	}
	return api.do(ctx, r.method, path, query, body)
}

// takeBody takes the parameters of the body out of those given. It is nil if the route has none.
func (r *route) takeBody(given map[string]json.RawMessage) ([]byte, error) {
	if r.fields == nil {
		return nil, nil
	}
	body := map[string]any{}
	if r.action != "" {
		body["action_type"] = r.action
	}
	for _, name := range r.fields {
		if value, ok := given[name]; ok && string(value) != "null" {
			body[name] = value
		}
		delete(given, name)
	}
	return json.Marshal(body)
}

// fill puts parameters into the path, and takes them out of values.
func (r *route) fill(values map[string][]string) (string, error) {
	path := ""
	for i, part := range splitPath(r.path) {
		if i > 0 {
			path += "/"
		}
		if part[0] == '{' {
			name := part[1 : len(part)-1]
			if len(values[name]) != 1 || values[name][0] == "" {
				return "", bridge.Errorf(bridge.EInvalid, "%s is required", name).With("key", name)
			}
			part = url.PathEscape(values[name][0])
			delete(values, name)
		}
		path += part
	}
	return path, nil
}

// pages turns limit and offset, as the bindings know them, into pages.
func pages(query url.Values) error {
	limit, offset := query.Get("limit"), query.Get("offset")
	if limit == "" && offset == "" {
		return nil
	}
	size, err := strconv.Atoi(limit)
	if limit == "" {
		size, err = 50, nil
	}
	start := 0
	if err == nil && offset != "" {
		start, err = strconv.Atoi(offset)
	}
	if err != nil || size < 1 || start < 0 || start%size != 0 {
		return bridge.Errorf(bridge.EInvalid, "offset %q must be a multiple of limit %q", offset, limit).With("key", "offset")
	}
	query.Del("limit")
	query.Del("offset")
	query.Set("per_page", strconv.Itoa(size))
	query.Set("page", strconv.Itoa(start/size+1))
	return nil
}
