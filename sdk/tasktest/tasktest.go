// Package tasktest runs templates and handlers in a program's own tests: for real, on a database of their own.
//
//	func TestAnOrderIsShipped(t *testing.T) {
//		handlers := sdk.NewRegistry()
//		orders.Register(handlers)
//		task := tasktest.Run(t, handlers, "templates/order_fulfillment.yaml", map[string]any{"items": items})
//		task.RequireComplete()
//		require.JSONEq(t, `{"tracking": "ABC"}`, string(task.Result("ship_order")))
//	}
//
// The databases are made on a private PostgreSQL that the tests of a machine share, or on the server that
// TASKER_TEST_DATABASE_URL names, and dropped when their test ends.
package tasktest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

// restsWithin bounds how long a task may take.
const restsWithin = time.Minute

// Engine is Tasker with a worker, in this process.
type Engine struct {
	t         testing.TB
	system    *system.SystemContext
	node      *system.Node
	templates []key
}

type key struct{ namespace, name, version string }

// Start starts an engine with these handlers and with the templates of files, folders or patterns. It stops when the test
// ends.
func Start(t testing.TB, handlers sdk.StepHandlerRegistry, templates ...string) *Engine {
	t.Helper()
	cfg := config.Default()
	cfg.Database.URL = config.Secret(testdb.New(t).DSN())
	cfg.Worker.MpscChannels.HandlerDispatch.MaxConcurrentHandlers = 64
	s, err := system.Open(t.Context(), cfg, system.Options{Name: t.Name()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	e := &Engine{t: t, system: s}
	registered, err := system.RegisterTemplates(t.Context(), s, templates, false)
	require.NoError(t, err)
	for _, r := range registered {
		e.templates = append(e.templates, key{r.Namespace, r.Name, r.Version})
	}
	e.node, err = system.StartNode(t.Context(), s, &system.WorkerOptions{Registry: handlers})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.node.Stop(context.Background())) })
	return e
}

// Run starts an engine with one template, runs a task by it, and waits until that comes to rest.
func Run(t testing.TB, handlers sdk.StepHandlerRegistry, template string, input any) *Task {
	t.Helper()
	e := Start(t, handlers, template)
	require.Len(t, e.templates, 1, "%s must hold one template", template)
	k := e.templates[0]
	return e.Run(k.namespace, k.name, k.version, input)
}

// Run runs a task with this input and waits until it comes to rest: complete, in error, or blocked by failures.
func (e *Engine) Run(namespace, name, version string, input any) *Task {
	e.t.Helper()
	id := e.Create(namespace, name, version, input)
	ctx, cancel := context.WithTimeout(e.t.Context(), restsWithin)
	defer cancel()
	_, err := e.node.Orchestration.Actors.Endings.Wait(ctx, id)
	require.NoError(e.t, err)
	return e.Task(id)
}

// Create makes a task and does not wait for it.
func (e *Engine) Create(namespace, name, version string, input any) sdk.UUID {
	e.t.Helper()
	raw, err := json.Marshal(input)
	require.NoError(e.t, err)
	created, err := actor.Ask(e.t.Context(), e.node.Orchestration.Actors.TaskRequestActor.Handle, orchestration.ProcessTaskRequestMessage{
		Request: sdk.TaskRequest{
			Namespace: namespace, Name: name, Version: version, Context: raw, IdempotencyKey: sdk.NewUUID().String(),
			Initiator: "tasktest", SourceSystem: "tasktest", Reason: e.t.Name(),
		},
	})
	require.NoError(e.t, err)
	return created.TaskUUID
}

// Task reads a task and its steps as they stand.
func (e *Engine) Task(id sdk.UUID) *Task {
	e.t.Helper()
	view, err := e.system.Store.Task(e.t.Context(), id)
	require.NoError(e.t, err)
	steps, err := e.system.Store.Steps(e.t.Context(), id, true)
	require.NoError(e.t, err)
	task := &Task{t: e.t, UUID: id, State: string(view.Counts.VisibleState()), steps: map[string]store.StepView{}}
	for _, s := range steps {
		task.steps[s.Name] = s
		task.Steps = append(task.Steps, s.Name)
	}
	return task
}

// Task is a task as it stood when it was read.
type Task struct {
	t    testing.TB
	UUID sdk.UUID
	// State is one of the twelve states of a task.
	State string
	// Steps are the names of its steps, parents before children.
	Steps []string
	steps map[string]store.StepView
}

// RequireComplete fails the test, with the errors of the task's steps, unless the task is complete.
func (t *Task) RequireComplete() {
	t.t.Helper()
	for _, name := range t.Steps {
		if e := t.Execution(name).Error; e != nil {
			t.t.Logf("step %s: %s: %s", name, e.ErrorType, e.Message)
		}
	}
	require.Equal(t.t, "complete", t.State)
}

// Result is what a step returned, as JSON.
func (t *Task) Result(step string) json.RawMessage {
	t.t.Helper()
	return t.Execution(step).Result
}

// StepState is one of the ten states of a step.
func (t *Task) StepState(step string) string {
	t.t.Helper()
	return string(t.step(step).State)
}

// Attempts counts the attempts of a step.
func (t *Task) Attempts(step string) int {
	t.t.Helper()
	return int(t.step(step).Counts.Used())
}

// Execution is the record of a step's last attempt; its zero value if there was none.
func (t *Task) Execution(step string) sdk.StepExecutionResult {
	t.t.Helper()
	if r := t.step(step).Results; r != nil {
		return *r
	}
	return sdk.StepExecutionResult{}
}

func (t *Task) step(name string) store.StepView {
	t.t.Helper()
	s, ok := t.steps[name]
	require.True(t.t, ok, "the task has no step %q; it has %q", name, t.Steps)
	return s
}
