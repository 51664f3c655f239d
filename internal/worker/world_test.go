package worker

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// world is a worker over a database of its own. The test makes the tasks, and when it ends nothing in the database may
// break a rule of [store.Store.Check].
type world struct {
	*WorkerActorRegistry
	db       *testdb.DB
	store    *store.Store
	catalog  *catalog.Catalog
	slots    *dispatch.Slots
	events   *event.DomainEventSystem
	sender   *inlineSender
	handlers *sdk.Registry
	logs     *testkit.Logs
}

// newWorld builds the registry; until the test registers it, the worker claims nothing.
func newWorld(t testing.TB, slots int, change ...func(*Dependencies)) *world {
	t.Helper()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), testdb.Patient)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	w := &world{
		db: db, store: s, catalog: catalog.New(s, catalog.Config{}), slots: dispatch.NewSlots(slots), handlers: sdk.NewRegistry(), logs: &testkit.Logs{},
		sender: &inlineSender{store: s},
	}
	logger := slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.events = event.New(event.NewStorePublisher(s), event.Config{Logger: logger})
	d := Dependencies{
		Store: s, Catalog: w.catalog, Slots: w.slots, Sender: w.sender, Events: w.events, Handlers: []string{"h", "other"},
		NewRunner: func(sink dispatch.CompletionSender, slots *dispatch.Slots) Runner {
			return dispatch.NewHandlerDispatchService(w.handlers, slots, sink, dispatch.Config{WorkerName: "w"})
		},
		Registration: store.WorkerRegistration{Name: "w", Slots: slots, Lease: time.Hour},
		PollInterval: time.Hour, Logger: logger,
	}
	for _, c := range change {
		c(&d)
	}
	w.WorkerActorRegistry, err = BuildWorkerActorRegistry(t.Context(), d)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, w.stop())
		violations, err := s.Check(context.Background())
		require.NoError(t, err)
		require.Empty(t, violations)
	})
	return w
}

// stop runs the worker down without waiting for handlers to finish by themselves.
func (w *world) stop() error {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	return w.Shutdown(now, testkit.Patience)
}

// register makes a template of steps that share the handler "h" and starts the worker's lease.
func (w *world) register(t testing.TB, steps ...template.StepDefinition) *catalog.Template {
	t.Helper()
	tt := template.New("n", sdk.NewUUID().String(), "1.0.0", steps...)
	registered, err := w.catalog.Register(t.Context(), tt, false)
	require.NoError(t, err)
	require.NoError(t, w.Keeper.Register(t.Context()))
	return registered
}

func step(name string, parents ...string) template.StepDefinition {
	return template.StepDefinition{
		Name: name, Handler: template.HandlerDefinition{Callable: "h"}, Dependencies: parents,
		Retry: template.RetryConfiguration{Retryable: true, MaxAttempts: 3, Backoff: workflow.BackoffNone, MaxCrashes: 2},
	}
}

// create makes tasks. Roots are queued, unless the lease takes them.
func (w *world) create(t testing.TB, tt *catalog.Template, n int, l store.Lease) []sdk.UUID {
	t.Helper()
	tasks, ids := make([]store.NewTask, n), make([]sdk.UUID, n)
	for i := range tasks {
		id := sdk.NewUUID()
		ids[i] = id
		tasks[i] = store.NewTask{
			TaskUUID: id, TemplateID: tt.ID, IdentityHash: id[:], CorrelationID: sdk.NewUUID(), Context: json.RawMessage(`{"n": 7}`), RequestedAt: time.Now(),
		}
	}
	_, err := w.store.CreateTasks(t.Context(), tasks, l)
	require.NoError(t, err)
	return ids
}

// handle sets what the handler "h" does.
func (w *world) handle(f sdk.HandlerFunc) { w.handlers.RegisterFunc("h", f) }

// gate is a handler whose steps the test lets go one by one.
type gate struct {
	entered chan *sdk.StepContext
	leave   chan error
}

func newGate(w *world) *gate {
	g := &gate{entered: make(chan *sdk.StepContext, 1000), leave: make(chan error)}
	w.handle(func(ctx context.Context, s *sdk.StepContext) (sdk.StepResult, error) {
		g.entered <- s
		select {
		case err := <-g.leave:
			return sdk.Success(map[string]any{"step": s.StepName()}), err
		case <-ctx.Done():
			return sdk.StepResult{}, context.Cause(ctx)
		}
	})
	return g
}

// step is the next one that was entered.
func (g *gate) step(t testing.TB) *sdk.StepContext {
	t.Helper()
	return testkit.Receive(t, g.entered)
}

// let has one of the entered steps leave.
func (g *gate) let(t testing.TB, err error) {
	t.Helper()
	select {
	case g.leave <- err:
	case <-time.After(testkit.Patience):
		require.Fail(t, "no step is to leave")
	}
}

// claims runs the claimer until the test ends, or until the returned function is called.
func (w *world) claims(t testing.TB) (stop func()) {
	t.Helper()
	return run(t, w.Claimer.Run)
}

// run runs a loop until the test ends, or until the returned function is called.
func run(t testing.TB, loop func(context.Context)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); loop(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func (w *world) states(t testing.TB, task sdk.UUID) (states []workflow.StepState) {
	t.Helper()
	views, err := w.store.Steps(t.Context(), task, false)
	require.NoError(t, err)
	for _, v := range views {
		states = append(states, v.State)
	}
	return states
}

// completes waits until tasks are complete.
func (w *world) completes(t testing.TB, tasks ...sdk.UUID) {
	t.Helper()
	for _, id := range tasks {
		testkit.Eventually(t, func() bool {
			state, err := w.store.TaskState(t.Context(), id)
			require.NoError(t, err)
			return state == workflow.TaskComplete
		}, "the task does not complete")
	}
}

// inlineSender decides about results here and now, in the simplest way.
type inlineSender struct {
	store *store.Store
	// trouble, if set, is asked before each batch.
	trouble func() error
}

func (s *inlineSender) Send(ctx context.Context, results []workflow.AttemptResult, l store.Lease) (store.Applied, error) {
	if s.trouble != nil {
		if err := s.trouble(); err != nil {
			return store.Applied{}, err
		}
	}
	outcomes := make([]store.Outcome, len(results))
	for i, r := range results {
		o := store.Outcome{TaskUUID: r.TaskUUID, StepNo: r.StepNo, Attempt: r.Counts.Attempt, Kind: store.OutcomeRelease}
		switch {
		case r.Result == nil:
		case r.Result.Success:
			o.Kind, o.Result = store.OutcomeComplete, r.Result.Result
		case r.Result.Metadata.Retryable:
			o.Kind = store.OutcomeRetryNow
		default:
			o.Kind = store.OutcomeError
		}
		if r.Result != nil {
			var err error
			if o.Detail, err = workflow.EncodeOutcome(r.Result, ""); err != nil {
				return store.Applied{}, err
			}
		}
		outcomes[i] = o
	}
	return s.store.ApplyOutcomes(ctx, outcomes, l)
}

func (s *inlineSender) Begin(context.Context, workflow.AttemptResult, store.Lease) *store.Future[store.Applied] {
	return nil
}
