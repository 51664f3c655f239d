// Package httpapi serves the REST API. Its bodies are the types of sdk/client; its errors tell the client what happened
// and never what the database said.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Store is what the API reads and changes; [store.Store] is one.
type Store interface {
	Task(ctx context.Context, id sdk.UUID) (*store.TaskView, error)
	Tasks(ctx context.Context, f store.TaskFilter) (store.TaskPage, error)
	CancelTask(ctx context.Context, task sdk.UUID, who, why string) (prior workflow.TaskState, err error)
	Steps(ctx context.Context, task sdk.UUID, results bool) ([]store.StepView, error)
	Step(ctx context.Context, task, step sdk.UUID) (*store.StepView, error)
	Templates(ctx context.Context, namespace string) ([]store.TemplateSummary, error)
	Namespaces(ctx context.Context, name string) ([]store.NamespaceSummary, error)
	CurrentTemplate(ctx context.Context, namespace, name, version string) (*store.Template, error)
	Pools(ctx context.Context) (query, engine store.PoolView)
}

// TaskRequests makes tasks; [orchestration.TaskRequestActor] is one.
type TaskRequests interface {
	Handle(ctx context.Context, msg orchestration.ProcessTaskRequestMessage) (orchestration.TaskRequestResult, error)
}

// Deps are what the API stands on. Store and TaskRequests are required.
type Deps struct {
	Store        Store
	TaskRequests TaskRequests
	// Ready says why the process cannot take work. Nil always can.
	Ready  func(ctx context.Context) error
	Logger *slog.Logger
	Config Config
}

// Config tunes the API; the zero value is ready to use.
type Config struct {
	// BindAddress is the host and port to listen on. Defaults to "127.0.0.1:8080".
	BindAddress string
	// AllowUnauthenticated permits a BindAddress that other machines can reach.
	AllowUnauthenticated bool
	// Hosts are names that requests may call this server by, besides localhost and loopback addresses. On an address that
	// other machines can reach, none means any.
	Hosts []string
	// RequestTimeout bounds the answer to one request. Defaults to 30 seconds.
	RequestTimeout time.Duration
	// Body bounds request bodies: their bytes, and the depth and keys of what they carry.
	Body payload.Limits
	// Version and Environment are shown by /health/ready.
	Version, Environment string
}

// DefaultBindAddress is where the API listens unless it is told otherwise: where only this machine can reach it.
const DefaultBindAddress = "127.0.0.1:8080"

func (c Config) withDefaults() Config {
	if c.BindAddress == "" {
		c.BindAddress = DefaultBindAddress
	}
	if c.RequestTimeout <= 0 {
		c.RequestTimeout = 30 * time.Second
	}
	if c.Body.MaxBytes <= 0 {
		c.Body.MaxBytes = payload.DefaultMaxBytes
	}
	if c.Body.MaxDepth <= 0 {
		c.Body.MaxDepth = payload.DefaultMaxDepth
	}
	if c.Body.MaxKeys <= 0 {
		c.Body.MaxKeys = payload.DefaultMaxKeys
	}
	return c
}

// api holds the handlers. A handler returns what to answer, or the error that [api.fail] turns into an answer.
type api struct{ Deps }

// New makes the API's handler.
func New(d Deps) http.Handler {
	d.Config = d.Config.withDefaults()
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	a := &api{d}
	mux := http.NewServeMux()
	for path, methods := range a.routes() {
		for method, h := range methods {
			mux.Handle(method+" "+path, a.answer(h))
		}
		mux.Handle(path, a.answer(notAllowed(methods)))
	}
	mux.Handle("/", a.answer(noRoute))
	return a.guard(mux)
}

func (a *api) routes() map[string]map[string]handler {
	return map[string]map[string]handler{
		"/v1/tasks":                                  {http.MethodPost: a.createTask, http.MethodGet: a.listTasks},
		"/v1/tasks/{task}":                           {http.MethodGet: a.getTask, http.MethodDelete: a.cancelTask},
		"/v1/tasks/{task}/workflow_steps":            {http.MethodGet: a.listSteps},
		"/v1/tasks/{task}/workflow_steps/{step}":     {http.MethodGet: a.getStep},
		"/v1/templates":                              {http.MethodGet: a.listTemplates},
		"/v1/templates/{namespace}/{name}/{version}": {http.MethodGet: a.getTemplate},
		"/health":       {http.MethodGet: a.live},
		"/health/live":  {http.MethodGet: a.live},
		"/health/ready": {http.MethodGet: a.ready},
	}
}
