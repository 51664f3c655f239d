package store_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// readWorld is a database with a template, diamond-shaped, and a worker to run it by hand.
type readWorld struct {
	*store.Store
	db       *testdb.DB
	template int32
	worker   int32
	handlers []int32
}

// The steps of the template: validate, then charge and reserve, then ship.
const (
	validateStep int32 = iota
	chargeStep
	reserveStep
	shipStep
)

const diamondDefinition = `{"name":"order","namespace_name":"shop","version":"1.0.0","steps":[
  {"name":"ship","description":"Ships it","handler":{"callable":"shop.ship"},"retry":{"retryable":true,"max_attempts":4}},
  {"name":"validate","description":null,"handler":{"callable":"shop.validate"},"retry":{"retryable":true,"max_attempts":3}},
  {"name":"charge","description":null,"handler":{"callable":"shop.charge"},"retry":{"retryable":true,"max_attempts":2},"result_schema":{"type":"object"}},
  {"name":"reserve","description":null,"handler":{"callable":"shop.reserve"},"retry":{"retryable":false,"max_attempts":1}}]}`

func newReadWorld(t testing.TB) *readWorld {
	t.Helper()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), testdb.Patient)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	w := &readWorld{Store: s, db: db}
	w.template = w.register(t, "shop", "order", "1.0.0", "An order")
	w.worker, err = s.RegisterWorker(t.Context(), store.WorkerRegistration{
		Name: "w1", Hostname: "host", Version: "1.2.3", PID: 42, Namespaces: []string{"shop"}, Slots: 10, Lease: time.Minute,
	})
	require.NoError(t, err)
	handlers, err := s.OfferHandlers(t.Context(), w.worker, []string{"shop.validate", "shop.charge", "shop.reserve", "shop.ship"}, nil)
	require.NoError(t, err)
	for _, h := range handlers {
		w.handlers = append(w.handlers, h.ID)
	}
	return w
}

func (w *readWorld) register(t testing.TB, namespace, name, version, description string) int32 {
	t.Helper()
	id, err := w.RegisterTemplate(t.Context(), &store.Template{
		Namespace: namespace, Name: name, Version: version, Description: description, ContentHash: namespace + name + version,
		IdentityStrategy: "strict", Definition: json.RawMessage(diamondDefinition),
		Steps: []store.TemplateStep{
			{No: validateStep, Name: "validate", Callable: "shop.validate", Initial: true, Children: []int32{chargeStep, reserveStep}},
			{No: chargeStep, Name: "charge", Callable: "shop.charge", Initial: true, Parents: []int32{validateStep}, Children: []int32{shipStep}},
			{No: reserveStep, Name: "reserve", Callable: "shop.reserve", Initial: true, Parents: []int32{validateStep}, Children: []int32{shipStep}},
			{No: shipStep, Name: "ship", Callable: "shop.ship", Initial: true, Sink: true, Parents: []int32{chargeStep, reserveStep}},
		},
	}, false)
	require.NoError(t, err)
	return id
}

// create makes a task of the diamond, after change had its way with it.
func (w *readWorld) create(t testing.TB, change func(*store.NewTask)) sdk.UUID {
	t.Helper()
	id := sdk.NewUUID()
	task := store.NewTask{
		TaskUUID: id, TemplateID: w.template, IdentityHash: id[:], CorrelationID: sdk.NewUUID(),
		Context: json.RawMessage(`{"cart": 7}`), RequestedAt: time.Now(),
	}
	if change != nil {
		change(&task)
	}
	created, err := w.CreateTasks(t.Context(), []store.NewTask{task}, store.Lease{})
	require.NoError(t, err)
	require.Empty(t, created.Existing)
	return id
}

// claim takes everything that is queued, and returns the numbers of the task's steps among it.
func (w *readWorld) claim(t testing.TB, task sdk.UUID) (claimed []int32) {
	t.Helper()
	steps, _, err := w.ClaimSteps(t.Context(), store.Lease{WorkerID: w.worker, Handlers: w.handlers, Budget: 100})
	require.NoError(t, err)
	for _, s := range steps {
		if s.TaskUUID == task {
			claimed = append(claimed, s.StepNo)
		}
	}
	slices.Sort(claimed)
	return claimed
}

// apply ends the attempt number of a step of the task.
func (w *readWorld) apply(t testing.TB, task sdk.UUID, o store.Outcome) store.Applied {
	t.Helper()
	o.TaskUUID = task
	applied, err := w.ApplyOutcomes(t.Context(), []store.Outcome{o}, store.Lease{WorkerID: w.worker})
	require.NoError(t, err)
	return applied
}

// complete runs a step that is queued to its end.
func (w *readWorld) complete(t testing.TB, task sdk.UUID, steps ...int32) {
	t.Helper()
	require.Equal(t, steps, w.claim(t, task))
	for _, no := range steps {
		applied := w.apply(t, task, store.Outcome{StepNo: no, Attempt: 1, Kind: store.OutcomeComplete, Result: json.RawMessage(`{"step": 1}`)})
		require.Empty(t, applied.Stale)
	}
}

func (w *readWorld) task(t testing.TB, id sdk.UUID) *store.TaskView {
	t.Helper()
	task, err := w.Task(t.Context(), id)
	require.NoError(t, err)
	return task
}

// step reads a step of the task, and holds what [store.Store.Steps] says of it against [store.Store.Step].
func (w *readWorld) step(t testing.TB, task sdk.UUID, no int32) *store.StepView {
	t.Helper()
	step, err := w.Step(t.Context(), task, sdk.StepUUID(task, no))
	require.NoError(t, err)
	steps, err := w.Steps(t.Context(), task, true)
	require.NoError(t, err)
	require.Len(t, steps, 4)
	require.Equal(t, *step, steps[no])
	return step
}

// states are the stored states of a task and of its steps by number.
func (w *readWorld) states(t testing.TB, task sdk.UUID) (state workflow.TaskState, steps []workflow.StepState) {
	t.Helper()
	views, err := w.Steps(t.Context(), task, false)
	require.NoError(t, err)
	for _, v := range views {
		steps = append(steps, v.State)
	}
	return w.task(t, task).Counts.State, steps
}

func (w *readWorld) clock(t testing.TB) (now time.Time) {
	t.Helper()
	require.NoError(t, w.db.Pool(t).QueryRow(context.Background(), "select clock_timestamp()").Scan(&now))
	return now
}
