// Package httpapi serves the REST API. Its bodies are the types of sdk/client; its errors tell the client what happened
// and never what the database said.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
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
	TemplateByID(ctx context.Context, id int32) (*store.Template, error)
	Pools(ctx context.Context) (query, engine store.PoolView)
	StepHistory(ctx context.Context, task sdk.UUID, no *int32) ([]store.StepMove, error)
	Analyst
	DeadLetterStore
}

// Analyst is the part of [Store] that tells how things go.
type Analyst interface {
	Backlog(ctx context.Context, limit int) (store.Backlog, error)
	Performance(ctx context.Context, a store.Analysis) (store.Performance, error)
	Bottlenecks(ctx context.Context, a store.Analysis, atLeast, limit int) (steps, tasks []store.Slow, err error)
	StateCounts(ctx context.Context, a store.Analysis) (tasks, steps map[string]int64, err error)
}

// DeadLetterStore is the part of [Store] that keeps dead letters.
type DeadLetterStore interface {
	DeadLetter(ctx context.Context, id sdk.UUID) (store.DeadLetter, error)
	DeadLetterOf(ctx context.Context, task sdk.UUID) (store.DeadLetter, error)
	DeadLetters(ctx context.Context, status store.DLQStatus, limit, offset int) ([]store.DeadLetter, error)
	AddDeadLetter(ctx context.Context, task sdk.UUID, by, why string) error
	UpdateDeadLetter(ctx context.Context, id sdk.UUID, u store.DeadLetterUpdate) error
	RequeueDeadLetter(ctx context.Context, id sdk.UUID, by, why string) (task sdk.UUID, err error)
	DLQStats(ctx context.Context) ([]store.DLQStats, error)
	Investigations(ctx context.Context, limit int) ([]store.Investigation, error)
	OpenTasks(ctx context.Context, th store.StalenessThresholds, limit int) ([]store.OpenTask, error)
}

// TaskRequests makes tasks; [orchestration.TaskRequestActor] is one.
type TaskRequests interface {
	Handle(ctx context.Context, msg orchestration.ProcessTaskRequestMessage) (orchestration.TaskRequestResult, error)
}

// Operators act on tasks by hand; [orchestration.Operators] is one.
type Operators interface {
	Act(ctx context.Context, r orchestration.OperatorRequest) error
}

// Deps are what the API stands on. Store, TaskRequests and Operators are required.
type Deps struct {
	Store        Store
	TaskRequests TaskRequests
	Operators    Operators
	// Ready says why the process cannot take work. Nil always can.
	Ready  func(ctx context.Context) error
	Logger *slog.Logger
	// Settings is what /config shows: nothing secret. Without it there is no /config.
	Settings func() any
	// CacheStats tells of the templates that are held in memory, to those who list templates and ask for it. Without it there is
	// nothing to tell.
	CacheStats func() any
	// Counters are what /metrics counts besides the requests. Nil counts nothing.
	Counters *orchestration.Counters
	Config   Config
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
	// Staleness says when tasks count as stale. Defaults to those of the configuration's own defaults.
	Staleness store.StalenessThresholds
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
	if c.Staleness == (store.StalenessThresholds{}) {
		c.Staleness = store.StalenessThresholds{
			WaitingForDependencies: time.Hour, WaitingForRetry: 30 * time.Minute, StepsInProcess: 30 * time.Minute, Lifetime: 24 * time.Hour,
		}
	}
	return c
}

// api holds the handlers. A handler returns what to answer, or the error that [api.fail] turns into an answer.
type api struct {
	Deps
	begun    time.Time
	answered [6]atomic.Uint64 // requests by the first digit of their status
}

// New makes the API's handler.
func New(d Deps) http.Handler {
	d.Config = d.Config.withDefaults()
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	if d.Counters == nil {
		d.Counters = &orchestration.Counters{}
	}
	a := &api{Deps: d, begun: time.Now()}
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
		"/v1/tasks":                                    {http.MethodPost: a.createTask, http.MethodGet: a.listTasks},
		"/v1/tasks/{task}":                             {http.MethodGet: a.getTask, http.MethodDelete: a.cancelTask, http.MethodPatch: a.actOnTask},
		"/v1/tasks/{task}/summary":                     {http.MethodGet: a.summarizeTask},
		"/v1/tasks/{task}/workflow_steps":              {http.MethodGet: a.listSteps},
		"/v1/tasks/{task}/workflow_steps/{step}":       {http.MethodGet: a.getStep, http.MethodPatch: a.actOnStep},
		"/v1/tasks/{task}/workflow_steps/{step}/audit": {http.MethodGet: a.auditStep},
		"/v1/dlq":                                    {http.MethodGet: a.listDLQ},
		"/v1/dlq/task/{task}":                        {http.MethodGet: a.getDLQ, http.MethodPost: a.addDLQ},
		"/v1/dlq/entry/{entry}":                      {http.MethodPatch: a.updateDLQ},
		"/v1/dlq/entry/{entry}/requeue":              {http.MethodPost: a.requeueDLQ},
		"/v1/dlq/stats":                              {http.MethodGet: a.statsDLQ},
		"/v1/dlq/investigation-queue":                {http.MethodGet: a.investigations},
		"/v1/dlq/staleness":                          {http.MethodGet: a.staleness},
		"/v1/templates":                              {http.MethodGet: a.listTemplates},
		"/v1/templates/{namespace}/{name}/{version}": {http.MethodGet: a.getTemplate},
		"/health":                                    {http.MethodGet: a.live},
		"/health/live":                               {http.MethodGet: a.live},
		"/v1/analytics/performance":                  {http.MethodGet: a.performance},
		"/v1/analytics/bottlenecks":                  {http.MethodGet: a.bottlenecks},
		"/config":                                    {http.MethodGet: a.settings},
		"/metrics":                                   {http.MethodGet: a.metrics},
		"/health/ready":                              {http.MethodGet: a.ready},
		"/health/detailed":                           {http.MethodGet: a.detailed},
	}
}
