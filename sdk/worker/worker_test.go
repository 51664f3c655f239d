package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/worker"
)

func options(db *testdb.DB) worker.Options {
	return worker.Options{DatabaseURL: db.DSN(), Templates: []string{"testdata"}, Logger: slog.New(slog.DiscardHandler)}
}

// start starts a worker that is stopped when the test ends.
func start(t *testing.T, handlers sdk.StepHandlerRegistry, o worker.Options) *worker.Worker {
	t.Helper()
	w, err := worker.Start(t.Context(), handlers, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		require.NoError(t, w.Stop(now))
	})
	return w
}

func order(namespace string, quantity int) sdk.TaskRequest {
	return sdk.TaskRequest{
		Namespace: namespace, Name: "order", Version: "1.0.0", Context: json.RawMessage(fmt.Sprintf(`{"price": 250, "quantity": %d}`, quantity)),
	}
}

func create(t *testing.T, w *worker.Worker, r sdk.TaskRequest) sdk.UUID {
	t.Helper()
	id, _, err := w.CreateTask(t.Context(), r)
	require.NoError(t, err)
	return id
}

func requireRest(t *testing.T, w *worker.Worker, id sdk.UUID, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	state, err := w.WaitTask(ctx, id)
	require.NoError(t, err)
	require.Equal(t, want, state)
}

// quiet handlers do what the templates ask for and say what they did.
func quiet(did func(step *sdk.StepContext)) *sdk.Registry {
	handlers := sdk.NewRegistry()
	for _, name := range []string{"shop.price", "shop.charge"} {
		handlers.RegisterFunc(name, func(_ context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			did(step)
			return sdk.Success(nil), nil
		})
	}
	return handlers
}

func TestATaskRunsToItsEnd(t *testing.T) {
	t.Parallel()
	w := start(t, shopHandlers(), options(testdb.New(t)))
	requireRest(t, w, create(t, w, order("shop", 2)), "complete")
	requireRest(t, w, create(t, w, order("shop", 0)), "blocked_by_failures")
}

func TestTheSameRequestIsTheSameTask(t *testing.T) {
	t.Parallel()
	w := start(t, quiet(func(*sdk.StepContext) {}), options(testdb.New(t)))
	first := create(t, w, order("shop", 1))
	second, existing, err := w.CreateTask(t.Context(), order("shop", 1))
	require.NoError(t, err)
	require.True(t, existing)
	require.Equal(t, first, second)
	require.NotEqual(t, first, create(t, w, order("shop", 2)))
}

func TestARequestThatCannotBeServedSaysWhy(t *testing.T) {
	t.Parallel()
	w := start(t, quiet(func(*sdk.StepContext) {}), options(testdb.New(t)))
	_, _, err := w.CreateTask(t.Context(), sdk.TaskRequest{Namespace: "shop", Name: "unknown", Version: "1.0.0"})
	require.ErrorContains(t, err, "shop/unknown 1.0.0: not found")
	_, _, err = w.CreateTask(t.Context(), sdk.TaskRequest{Context: json.RawMessage(`{`)})
	require.ErrorContains(t, err, "name is required")
	require.ErrorContains(t, err, "context: JSON refused")
	_, err = w.WaitTask(t.Context(), sdk.NewUUID())
	require.ErrorContains(t, err, "not found")
}

func TestAWorkerTakesOnlyItsNamespaces(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	var shop, depot sync.Map
	in := func(namespace string, seen *sync.Map) *worker.Worker {
		o := options(db)
		o.Namespaces, o.Name = []string{namespace}, namespace
		return start(t, quiet(func(step *sdk.StepContext) { seen.Store(step.Namespace(), true) }), o)
	}
	w, other := in("shop", &shop), in("depot", &depot)
	var tasks []sdk.UUID
	for n := range 10 {
		tasks = append(tasks, create(t, w, order("depot", n)), create(t, other, order("shop", n)))
	}
	for _, id := range tasks {
		requireRest(t, w, id, "complete")
	}
	for namespace, seen := range map[string]*sync.Map{"shop": &shop, "depot": &depot} {
		seen.Range(func(ran, _ any) bool { require.Equal(t, namespace, ran); return true })
	}
}

func TestAWorkerRunsNoMoreAtOnceThanItIsToldTo(t *testing.T) {
	t.Parallel()
	o := options(testdb.New(t))
	o.Concurrency = 3
	var running, most atomic.Int32
	full, leave := make(chan struct{}, 100), make(chan struct{})
	w := start(t, quiet(func(*sdk.StepContext) {
		n := running.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		full <- struct{}{}
		<-leave
		running.Add(-1)
	}), o)
	var tasks []sdk.UUID
	for n := range 12 {
		tasks = append(tasks, create(t, w, order("depot", n)))
	}
	for range 3 {
		testkit.Receive(t, full)
	}
	close(leave)
	for _, id := range tasks {
		requireRest(t, w, id, "complete")
	}
	require.EqualValues(t, 3, most.Load())
}

func TestWorkersShareTheWorkAndNoneDoesItTwice(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	var mu sync.Mutex
	runs := map[sdk.UUID]int{}
	handlers := quiet(func(step *sdk.StepContext) {
		mu.Lock()
		defer mu.Unlock()
		runs[step.StepUUID()]++
	})
	workers := []*worker.Worker{start(t, handlers, options(db)), start(t, handlers, options(db)), start(t, handlers, options(db))}
	var tasks []sdk.UUID
	for n := range 60 {
		tasks = append(tasks, create(t, workers[n%3], order("shop", n)))
	}
	for n, id := range tasks {
		requireRest(t, workers[(n+1)%3], id, "complete")
	}
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, runs, 120)
	for step, n := range runs {
		require.Equal(t, 1, n, "step %s", step)
	}
}

func TestRunReturnsWhenItIsToldToAndItsHandlersHaveFinished(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	entered, leave := make(chan sdk.UUID, 1), make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	handlers := quiet(func(step *sdk.StepContext) {
		entered <- step.TaskUUID()
		<-leave
	})
	go func() { ended <- worker.Run(ctx, handlers, options(db)) }()
	client := start(t, sdk.NewRegistry(), options(db)) // makes tasks, runs none
	task := create(t, client, order("depot", 1))
	require.Equal(t, task, testkit.Receive(t, entered))
	stop()
	require.Empty(t, ended)
	close(leave)
	require.NoError(t, testkit.Receive(t, ended))
	requireRest(t, client, task, "complete")
	require.Zero(t, db.Count(t, "select count(*) from tasker.task_claims"))
}

func TestAWorkerThatIsStoppedGivesBackWhatItDoesNotFinish(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	o := options(db)
	o.ShutdownGrace = time.Millisecond
	entered, told := make(chan sdk.UUID, 1), make(chan error, 1)
	handlers := sdk.NewRegistry()
	handlers.RegisterFunc("shop.price", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		entered <- step.TaskUUID()
		<-ctx.Done()
		told <- context.Cause(ctx)
		return sdk.StepResult{}, ctx.Err()
	})
	w, err := worker.Start(t.Context(), handlers, o)
	require.NoError(t, err)
	task := create(t, w, order("depot", 1))
	testkit.Receive(t, entered)
	require.NoError(t, w.Stop(t.Context()))
	require.ErrorContains(t, testkit.Receive(t, told), "the worker stops")
	attempts := make(chan int, 1)
	next := start(t, quiet(func(step *sdk.StepContext) { attempts <- step.Attempt() }), options(db))
	requireRest(t, next, task, "complete")
	require.Equal(t, 1, testkit.Receive(t, attempts), "an attempt that is given back is not used up")
}

func TestAWorkerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte("name: bad\nnamespace_name: n\nsteps:\n  - name: a\n"), 0o600))
	changed := filepath.Join(t.TempDir(), "changed.yaml")
	require.NoError(t, os.WriteFile(changed, []byte("name: order\nnamespace_name: shop\nversion: 1.0.0\nsteps:\n  - name: a\n    handler: {callable: h}\n"), 0o600))
	start(t, sdk.NewRegistry(), options(db))
	for name, tt := range map[string]struct {
		change func(*worker.Options)
		reason string
	}{
		"no database": {func(o *worker.Options) {
			o.DatabaseURL = "postgres://u:hunter2-canary@127.0.0.1:1/db?connect_timeout=2"
		}, "start worker: migrate"},
		"bad template":   {func(o *worker.Options) { o.Templates = []string{dir} }, "bad.yaml"},
		"no template":    {func(o *worker.Options) { o.Templates = []string{"testdata/nowhere.yaml"} }, "nowhere.yaml"},
		"other template": {func(o *worker.Options) { o.Templates = []string{changed} }, "shop/order 1.0.0 is registered with other content"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(db)
			tt.change(&o)
			_, err := worker.Start(t.Context(), sdk.NewRegistry(), o)
			require.ErrorContains(t, err, tt.reason)
			require.NotContains(t, err.Error(), "hunter2-canary")
			require.Error(t, worker.Run(t.Context(), sdk.NewRegistry(), o))
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no time"))
	_, err := worker.Start(ctx, sdk.NewRegistry(), options(db))
	require.Error(t, err)
}
