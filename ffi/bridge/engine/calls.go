package engine

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/httpapi"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/system"
)

// calls answers the generic calls: those on tasks and templates through the REST API, so that there is one meaning of
// them, the others from the process itself.
type calls struct {
	rest *rest
	// core is nil for clients.
	core *Core
}

// newCalls answers from the database.
func newCalls(o *opened, logger *slog.Logger, requests httpapi.TaskRequests, core *Core) *calls {
	l := o.Config.Limits
	handler := httpapi.New(httpapi.Deps{Store: o.Store, TaskRequests: requests, Logger: logger, Config: httpapi.Config{
		Version: system.Version, Environment: o.Config.Environment,
		Body: payload.Limits{MaxBytes: l.MaxContextBytes, MaxDepth: l.MaxJSONDepth, MaxKeys: l.MaxJSONKeys},
	}})
	return &calls{rest: newLocalRest(handler), core: core}
}

func (c *calls) close() { c.rest.close() }

// route is a call of the REST API.
type route struct {
	method string
	// path holds the names of parameters that stand in it, as {name}; the others go into the query.
	path string
	// body sends the parameters as the body.
	body bool
	// query lists the parameters that the query may hold.
	query []string
}

var routes = map[string]route{
	"client.create_task": {method: http.MethodPost, path: "v1/tasks", body: true},
	"client.get_task":    {method: http.MethodGet, path: "v1/tasks/{task_uuid}"},
	"client.list_tasks": {method: http.MethodGet, path: "v1/tasks",
		query: []string{"page", "per_page", "limit", "offset", "namespace", "status", "name", "initiator", "source_system", "tag"}},
	"client.cancel_task": {method: http.MethodDelete, path: "v1/tasks/{task_uuid}"},
	"client.list_steps":  {method: http.MethodGet, path: "v1/tasks/{task_uuid}/workflow_steps"},
	"client.get_step":    {method: http.MethodGet, path: "v1/tasks/{task_uuid}/workflow_steps/{step_uuid}"},
	"client.step_audit":  {method: http.MethodGet, path: "v1/tasks/{task_uuid}/workflow_steps/{step_uuid}/audit"},
	"client.health":      {method: http.MethodGet, path: "health"},
	"templates.list":     {method: http.MethodGet, path: "v1/templates", query: []string{"namespace"}},
	"templates.get":      {method: http.MethodGet, path: "v1/templates/{namespace}/{name}/{version}"},
	"health.live":        {method: http.MethodGet, path: "health/live"},
	"health.ready":       {method: http.MethodGet, path: "health/ready"},
}

func (c *calls) call(ctx context.Context, method string, params []byte) ([]byte, error) {
	if r, ok := routes[method]; ok {
		return c.route(ctx, r, params)
	}
	if c.core != nil {
		if own, ok := ownMethods()[method]; ok {
			answer, err := own(c.core, ctx, params)
			if err != nil {
				return nil, err
			}
			return json.Marshal(answer)
		}
	}
	return nil, bridge.Errorf(bridge.EUnsupported, "no method %q on this handle", method).With("method", method).With("methods", c.methods())
}

func (c *calls) methods() []string {
	var names []string
	for name := range routes {
		names = append(names, name)
	}
	if c.core != nil {
		for name := range ownMethods() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (c *calls) route(ctx context.Context, r route, params []byte) ([]byte, error) {
	if r.body {
		return c.rest.do(ctx, r.method, r.path, nil, params)
	}
	values, err := scalars(params)
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
	if err := pages(query); err != nil {
		return nil, err
	}
	return c.rest.do(ctx, r.method, path, query, nil)
}

// fill puts parameters into the path, and takes them out of values.
func (r route) fill(values map[string][]string) (string, error) {
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
