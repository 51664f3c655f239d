package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

var (
	fakeTask        = sdk.UUID{0x01, 0x99, 0xc3, 0xe0, 0x8f, 0x3a, 0x7c, 0xc2, 0x9a, 0x4e, 1, 0x23, 0x45, 0x67, 0x89, 0xab}
	fakeCorrelation = sdk.UUID{0x01, 0x99, 0xc3, 0xe0, 0x8f, 0x3a, 0x7c, 0xc2, 0x9a, 0x4e, 1, 0x23, 0x45, 0x67, 0x89, 0xff}
	noon            = time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)
)

func after(d time.Duration) *time.Time {
	at := noon.Add(d)
	return &at
}

// fakeStore answers from memory: with its task, or with err.
type fakeStore struct {
	Store  // what no test asks for
	err    error
	task   store.TaskView
	total  int64
	filter store.TaskFilter
	who    string
	why    string
	down   bool
	active int32                     // connections of the engine's in use
	ready  int64                     // steps
	hook   func(ctx context.Context) // called by Task
}

func (f *fakeStore) Task(ctx context.Context, id sdk.UUID) (*store.TaskView, error) {
	if f.hook != nil {
		f.hook(ctx)
	}
	if f.err == nil && id != fakeTask {
		return nil, store.ErrNotFound
	}
	return &f.task, f.err
}

func (f *fakeStore) Tasks(_ context.Context, filter store.TaskFilter) (store.TaskPage, error) {
	f.filter = filter
	return store.TaskPage{Tasks: []store.TaskView{f.task}, Total: f.total}, f.err
}

func (f *fakeStore) CancelTask(_ context.Context, _ sdk.UUID, who, why string) (workflow.TaskState, error) {
	f.who, f.why = who, why
	return workflow.TaskComplete, f.err
}

func (f *fakeStore) Steps(_ context.Context, _ sdk.UUID, results bool) ([]store.StepView, error) {
	steps := fakeSteps()
	for i := range steps {
		if !results {
			steps[i].Results = nil
		}
	}
	return steps, f.err
}

func (f *fakeStore) Step(_ context.Context, task, step sdk.UUID) (*store.StepView, error) {
	no, ok := sdk.StepNumber(task, step)
	if f.err == nil && (!ok || int(no) >= len(fakeSteps())) {
		return nil, store.ErrNotFound
	}
	return &fakeSteps()[no], f.err
}

func (f *fakeStore) Templates(_ context.Context, namespace string) ([]store.TemplateSummary, error) {
	if namespace == "none" {
		return nil, f.err
	}
	return []store.TemplateSummary{
		{Namespace: "shop", Name: "order", Version: "1.0.0", Description: "An order", Steps: 2},
		{Namespace: "shop", Name: "refund", Version: "2.0.0", Steps: 1},
	}, f.err
}

func (f *fakeStore) Namespaces(_ context.Context, name string) ([]store.NamespaceSummary, error) {
	if name == "none" {
		return nil, f.err
	}
	return []store.NamespaceSummary{{Name: "shop", Description: "Sells", Templates: 2}}, f.err
}

func (f *fakeStore) CurrentTemplate(_ context.Context, namespace, name, version string) (*store.Template, error) {
	if f.err == nil && (namespace != "shop" || name != "order" || version != "1.0.0") {
		return nil, store.ErrNotFound
	}
	return &store.Template{Namespace: namespace, Name: name, Version: version, Description: "An order", Definition: json.RawMessage(
		`{"name":"order","steps":[{"name":"validate","description":"Checks","retry":{"retryable":true,"max_attempts":3},"result_schema":{"type":"object"}},
		{"name":"charge","description":null,"retry":{"retryable":false,"max_attempts":1}}]}`)}, f.err
}

func (f *fakeStore) Pools(context.Context) (query, engine store.PoolView) {
	query, engine = store.PoolView{Max: 4, Took: 2 * time.Millisecond}, store.PoolView{Max: 8, Took: 3 * time.Millisecond}
	engine.Active, engine.Idle, engine.Acquires, engine.Waited, engine.Failed, engine.AcquireTime = f.active, 1, 4, 2, 1, 10*time.Millisecond
	if f.down {
		engine.Err = context.DeadlineExceeded
	}
	return query, engine
}

func (f *fakeStore) Backlog(context.Context, int) (store.Backlog, error) {
	return store.Backlog{Ready: f.ready, Results: 2, Oldest: 1500 * time.Millisecond, Blocked: 3, DeadLetters: 4, Workers: 5, Slots: 60, Busy: 7}, f.err
}

func (f *fakeStore) Performance(_ context.Context, a store.Analysis) (store.Performance, error) {
	return store.Performance{
		Total: 8, Active: 1, Completed: 4, Failed: 2, TaskTime: 1500 * time.Millisecond, StepTime: 20 * time.Millisecond, Steps: 40,
		Since: noon.Add(-a.Window), Now: noon,
	}, f.err
}

func (f *fakeStore) Bottlenecks(_ context.Context, _ store.Analysis, atLeast, limit int) (steps, tasks []store.Slow, err error) {
	steps = []store.Slow{
		{Namespace: "shop", Name: "order", Version: "1.0.0", Step: "charge", Average: 2 * time.Second, Max: time.Minute, Count: 10, Errors: 4, Last: after(0)},
		{Namespace: "shop", Name: "order", Version: "1.0.0", Step: "ship", Average: time.Second, Max: 2 * time.Second, Count: 10},
	}
	tasks = []store.Slow{{Namespace: "shop", Name: "order", Version: "1.0.0", Average: 3 * time.Second, Max: time.Minute, Count: 9, Errors: 3, StepCount: 2.5}}
	return steps[:min(limit, 2)], tasks[:min(limit, 1)], f.err
}

func (f *fakeStore) StateCounts(context.Context, store.Analysis) (tasks, steps map[string]int64, err error) {
	return map[string]int64{"complete": 5, "blocked_by_failures": 3}, map[string]int64{"error": 4, "pending": 1}, f.err
}

func fakeTaskView() store.TaskView {
	return store.TaskView{
		TaskUUID: fakeTask, TemplateID: 7, Namespace: "shop", Name: "order", Version: "1.0.0",
		Counts:   workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 2, Completed: 1, WaitingForRetry: 1},
		Priority: 5, CorrelationID: fakeCorrelation, ParentCorrelationID: fakeTask, Initiator: "ada", SourceSystem: "web", Reason: "a <test>",
		Tags: []string{"eu"}, Context: json.RawMessage(`{"cart": 9007199254740993}`),
		RequestedAt: noon, CreatedAt: noon, UpdatedAt: *after(2 * time.Second), CompletedAt: after(time.Minute),
	}
}

func fakeSteps() []store.StepView {
	return []store.StepView{{
		TaskUUID: fakeTask, No: 0, Name: "validate", Namespace: "shop", Callable: "shop.validate", State: workflow.StepComplete,
		Counts: workflow.AttemptCounts{Attempt: 1}, Retryable: true, MaxAttempts: 3, CreatedAt: noon, UpdatedAt: *after(time.Second),
		Due: true, LastAttemptedAt: after(0), CompletedAt: after(time.Second),
		Results: &sdk.StepExecutionResult{
			StepUUID: sdk.StepUUID(fakeTask, 0), Success: true, Result: json.RawMessage(`{"ok": true}`), Status: sdk.StatusCompleted,
			Metadata: sdk.StepExecutionMetadata{ExecutionTimeMS: 12, CompletedAt: *at(after(time.Second)), WorkerID: "w1", StartedAt: at(after(0)),
				Custom: map[string]any{}, Context: map[string]any{}},
		},
	}, {
		TaskUUID: fakeTask, No: 1, Name: "charge", Namespace: "shop", Callable: "shop.charge", State: workflow.StepWaitingForRetry,
		Counts: workflow.AttemptCounts{Attempt: 3, Forgiven: 1}, Retryable: true, MaxAttempts: 4, Parents: 1, CreatedAt: noon,
		UpdatedAt: *after(2 * time.Second), RunAt: after(7 * time.Second), LastAttemptedAt: after(time.Second), LastFailureAt: after(2 * time.Second),
	}}
}

// fakeRequests makes every task into the fake one, unless err says otherwise.
type fakeRequests struct {
	err      error
	existing bool
	hook     func(ctx context.Context)
	got      sdk.TaskRequest
}

func (f *fakeRequests) Handle(ctx context.Context, msg orchestration.ProcessTaskRequestMessage) (orchestration.TaskRequestResult, error) {
	f.got = msg.Request
	if f.hook != nil {
		f.hook(ctx)
	}
	return orchestration.TaskRequestResult{TaskUUID: fakeTask, Existing: f.existing}, f.err
}

// fixture is the API over fakes, with its log.
type fixture struct {
	store    *fakeStore
	requests *fakeRequests
	deps     Deps
	log      *testkit.Logs
}

func newFixture() *fixture {
	f := &fixture{store: &fakeStore{task: fakeTaskView(), total: 1}, requests: &fakeRequests{}, log: &testkit.Logs{}}
	f.deps = Deps{Store: f.store, TaskRequests: f.requests, Logger: slog.New(slog.NewTextHandler(f.log, nil)),
		Config: Config{Version: "1.2.3", Environment: "test"}}
	return f
}

// ask sends one request to a fresh handler. change may be nil.
func (f *fixture) ask(t *testing.T, method, target, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Host = "localhost:8080"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	New(f.deps).ServeHTTP(w, r)
	return w
}

// refused holds that the answer is an error, and returns its message.
func refused(t *testing.T, w *httptest.ResponseRecorder, status int, code string) string {
	t.Helper()
	var body client.ErrorResponse
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&body))
	require.Equal(t, status, w.Code, body.Error.Message)
	require.Equal(t, code, body.Error.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.NotEmpty(t, body.Error.Message)
	return body.Error.Message
}
