package orchestration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// world is an orchestration over a database of its own. The test is its worker: it claims and reports by hand. When it
// ends nothing in the database may break a rule of [store.Store.Check].
type world struct {
	*orchestration.ActorRegistry
	db      *testdb.DB
	store   *store.Store
	catalog *catalog.Catalog
	logs    *testkit.Logs
	worker  int32
}

func newWorld(t testing.TB, change ...func(*orchestration.Dependencies)) *world {
	t.Helper()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), testdb.Patient)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	w := &world{db: db, store: s, catalog: catalog.New(s, catalog.Config{}), logs: &testkit.Logs{}}
	d := orchestration.Dependencies{
		Store: s, Catalog: w.catalog, Logger: slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Config: orchestration.Config{TimerInterval: time.Hour, ReapInterval: 5 * testkit.Moment},
	}
	for _, c := range change {
		c(&d)
	}
	w.ActorRegistry, err = orchestration.BuildActorRegistry(t.Context(), d)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, w.Shutdown(context.Background()))
		violations, err := s.Check(context.Background())
		require.NoError(t, err)
		require.Empty(t, violations)
	})
	w.worker = w.registerWorker(t)
	return w
}

func (w *world) registerWorker(t testing.TB) int32 {
	t.Helper()
	id, err := w.store.RegisterWorker(t.Context(), store.WorkerRegistration{Name: "w", Hostname: "host", Slots: 100, Lease: time.Hour})
	require.NoError(t, err)
	return id
}

// step is a definition with its parents and a retry that does not wait.
func step(name string, parents ...string) template.StepDefinition {
	return template.StepDefinition{
		Name: name, Handler: template.HandlerDefinition{Callable: "h." + name}, Dependencies: parents,
		Retry: template.RetryConfiguration{Retryable: true, MaxAttempts: 3, Backoff: workflow.BackoffNone, MaxCrashes: 2},
	}
}

// register makes the template n/name/1.0.0, whose handlers a worker has offered.
func (w *world) register(t testing.TB, name string, strategy template.IdentityStrategy, steps ...template.StepDefinition) *catalog.Template {
	t.Helper()
	tt := template.New("n", name, "1.0.0", steps...)
	tt.IdentityStrategy = strategy
	registered, err := w.catalog.Register(t.Context(), tt, false)
	require.NoError(t, err)
	w.handlers(t)
	return registered
}

func (w *world) handlers(t testing.TB) (ids []int32) {
	t.Helper()
	var callables []string
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), "select array_agg(callable) from tasker.handlers").Scan(&callables))
	offered, err := w.store.OfferHandlers(t.Context(), w.worker, callables, nil)
	require.NoError(t, err)
	for _, h := range offered {
		ids = append(ids, h.ID)
	}
	return ids
}

func (w *world) lease(t testing.TB) store.Lease {
	t.Helper()
	return store.Lease{WorkerID: w.worker, Handlers: w.handlers(t), Budget: 100}
}

func requestFor(name, input string) sdk.TaskRequest {
	return sdk.TaskRequest{Namespace: "n", Name: name, Version: "1.0.0", Context: json.RawMessage(input)}
}

func (w *world) request(ctx context.Context, r sdk.TaskRequest) (orchestration.TaskRequestResult, error) {
	return actor.Ask(ctx, w.TaskRequestActor.Handle, orchestration.ProcessTaskRequestMessage{Request: r})
}

// create makes a task by a request of its own.
func (w *world) create(t testing.TB, name string) sdk.UUID {
	t.Helper()
	r := requestFor(name, `{}`)
	r.IdempotencyKey = sdk.NewUUID().String()
	created, err := w.request(t.Context(), r)
	require.NoError(t, err)
	require.False(t, created.Existing)
	return created.TaskUUID
}

func (w *world) claim(t testing.TB) []store.ClaimedStep {
	t.Helper()
	claimed, _, err := w.store.ClaimSteps(t.Context(), w.lease(t))
	require.NoError(t, err)
	return claimed
}

// results end the attempts of claimed steps in one way.
func results(end *sdk.StepExecutionResult, claimed ...store.ClaimedStep) []workflow.AttemptResult {
	var all []workflow.AttemptResult
	for _, c := range claimed {
		all = append(all, workflow.AttemptResult{
			TaskUUID: c.TaskUUID, TemplateID: c.Task.TemplateID, StepNo: c.StepNo, Counts: c.Counts, From: workflow.StepInProgress, Result: end,
		})
	}
	return all
}

func (w *world) process(t testing.TB, l store.Lease, all ...workflow.AttemptResult) store.Applied {
	t.Helper()
	applied, err := actor.Ask(t.Context(), w.ResultProcessorActor.Handle, orchestration.ProcessStepResultMessage{Results: all, Lease: l})
	require.NoError(t, err)
	return applied
}

func success() *sdk.StepExecutionResult {
	return &sdk.StepExecutionResult{Success: true, Result: json.RawMessage(`{"ok": true}`)}
}

func failure(retryable bool) *sdk.StepExecutionResult {
	return &sdk.StepExecutionResult{
		Metadata: sdk.StepExecutionMetadata{Retryable: retryable, ErrorType: "broken"},
		Error:    &sdk.StepExecutionError{Message: "it broke", ErrorType: "broken", Retryable: retryable},
	}
}

// step reads a step by its number.
func (w *world) step(t testing.TB, task sdk.UUID, no int32) *store.StepView {
	t.Helper()
	view, err := w.store.Step(t.Context(), task, sdk.StepUUID(task, no))
	require.NoError(t, err)
	return view
}

func (w *world) state(t testing.TB, task sdk.UUID) workflow.TaskState {
	t.Helper()
	state, err := w.store.TaskState(t.Context(), task)
	require.NoError(t, err)
	return state
}

// becomes waits for a step to reach a state.
func (w *world) becomes(t testing.TB, task sdk.UUID, no int32, state workflow.StepState) {
	t.Helper()
	testkit.Eventually(t, func() bool { return w.step(t, task, no).State == state }, fmt.Sprintf("step %d does not become %s", no, state))
}

// run runs a loop of the registry until the test ends.
func run(t testing.TB, loop func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); loop(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}
