package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

const (
	// shortLease keeps tests quick that wait for leases to run out.
	shortLease = 1500 * time.Millisecond
	// patience is how long a test waits for what should happen soon.
	patience = 45 * time.Second
	tick     = 50 * time.Millisecond
)

// world is what the processes of a test act on: a database, and the traces outside of it.
type world struct {
	effectLog
	db      *testdb.DB
	dir     string
	acks    string // the client's log of acknowledged tasks
	store   *store.Store
	catalog *catalog.Catalog

	// transport is how its processes hear of work; empty, it is by rows.
	transport string

	mu      sync.Mutex
	started int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, testdb.New(t))
}

func newWorldOn(t testing.TB, db *testdb.DB) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e-") // not t.TempDir: paths of sockets must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	o := testdb.Patient
	o.ApplicationName, o.MinConnections = "test", 1
	s, err := store.Open(t.Context(), db.DSN(), o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return &world{
		effectLog: effectLog(filepath.Join(dir, "effects")), db: db, dir: dir, acks: filepath.Join(dir, "acks"),
		store: s, catalog: catalog.New(s, catalog.Config{}),
	}
}

// register makes a template of the steps, whose tasks are all their own.
func (w *world) register(t testing.TB, name string, steps ...template.StepDefinition) {
	t.Helper()
	_, err := w.catalog.Register(t.Context(), unique(name, steps), false)
	require.NoError(t, err)
}

// force gives the template other content.
func (w *world) force(t testing.TB, name string, steps ...template.StepDefinition) {
	t.Helper()
	_, err := w.catalog.Register(t.Context(), unique(name, steps), true)
	require.NoError(t, err)
}

func unique(name string, steps []template.StepDefinition) *template.TaskTemplate {
	t := template.New("e2e", name, "1.0.0", steps...)
	t.IdentityStrategy = template.IdentityAlwaysUnique
	return t
}

// node starts the engine within the test's own process; without handlers it is a server.
func (w *world) node(t testing.TB, r role) *node {
	t.Helper()
	r.DSN, r.Effects = w.db.DSN(), string(w.effectLog)
	set(&r.Transport, w.transport)
	n, err := startNode(t.Context(), r, slog.New(slog.NewTextHandler(t.Output(), nil)))
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = n.stop(ctx)
	})
	return n
}

// submitter makes tasks: a process or a node.
type submitter interface {
	submit(ctx context.Context, request sdk.TaskRequest) (orchestration.TaskRequestResult, error)
}

func request(templateName string, conducts map[string]conduct) sdk.TaskRequest {
	raw, err := json.Marshal(conducts)
	if err != nil {
		panic(err)
	}
	if conducts == nil {
		raw = []byte("{}")
	}
	return sdk.TaskRequest{Namespace: "e2e", Name: templateName, Version: "1.0.0", Context: raw}
}

// submit makes a task and logs its acknowledgement.
func (w *world) submit(t testing.TB, to submitter, templateName string, conducts map[string]conduct) sdk.UUID {
	t.Helper()
	id, err := w.trySubmit(t.Context(), to, request(templateName, conducts))
	require.NoError(t, err)
	return id
}

func (w *world) trySubmit(ctx context.Context, to submitter, r sdk.TaskRequest) (sdk.UUID, error) {
	result, err := to.submit(ctx, r)
	if err != nil {
		return sdk.UUID{}, err
	}
	return result.TaskUUID, appendLine(w.acks, []byte(`"`+result.TaskUUID.String()+`"`))
}

// submitMany makes tasks from several clients at once, until ctx is done, and returns how many were refused; those that
// were acknowledged are in the log.
func (w *world) submitMany(ctx context.Context, to submitter, clients, tasks int, next func(n int) sdk.TaskRequest) (refused int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for n := c; n < tasks && ctx.Err() == nil; n += clients {
				if _, err := w.trySubmit(context.WithoutCancel(ctx), to, next(n)); err != nil {
					mu.Lock()
					refused++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return refused
}

// acknowledged reads the client's log.
func (w *world) acknowledged(t testing.TB) []sdk.UUID {
	t.Helper()
	ids, err := readLines[sdk.UUID](w.acks)
	require.NoError(t, err)
	return ids
}

// count asks the database for a number.
func (w *world) count(ctx context.Context, t testing.TB, sql string, args ...any) (n int, err error) {
	err = w.db.Pool(t).QueryRow(ctx, sql, args...).Scan(&n)
	return n, err
}

// eventually waits for the database to answer a question with the wanted number, however long it is away meanwhile.
func (w *world) eventually(t testing.TB, within time.Duration, want int, sql string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for last := ""; ; {
		n, err := w.count(ctx, t, sql, args...)
		if err == nil && n == want {
			return
		}
		if ctx.Err() == nil {
			last = fmt.Sprintf("%d, %v", n, err)
		}
		select {
		case <-time.After(tick):
		case <-ctx.Done():
			require.FailNow(t, "it did not happen in time", "%s\nwanted %d, got %s", sql, want, last)
		}
	}
}

const openTasks = `select count(*) from tasker.tasks where state not in ('complete', 'error', 'cancelled', 'resolved_manually', 'blocked_by_failures')`

// settled waits until every task has come to rest.
func (w *world) settled(t testing.TB, within time.Duration) {
	t.Helper()
	w.eventually(t, within, 0, openTasks)
}

// taskState waits until the task has come to rest and returns its state.
func (w *world) taskState(t testing.TB, task sdk.UUID) string {
	t.Helper()
	w.eventually(t, patience, 0, openTasks+` and task_uuid = $1`, task)
	var state string
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), `select state::text from tasker.tasks where task_uuid = $1`, task).Scan(&state))
	return state
}

// stepRow is what the database says of a step.
type stepRow struct {
	State                      string
	Attempt, Crashes, Forgiven int
	// Error and Type say why the latest attempt failed.
	Error, Type string
}

func (w *world) step(t testing.TB, task sdk.UUID, name string) (s stepRow) {
	t.Helper()
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), `select state::text, attempt, crashes, forgiven,
		coalesce(outcome #>> '{error,message}', ''), coalesce(outcome #>> '{error,error_type}', '')
		from tasker.workflow_steps where task_uuid = $1 and name = $2`, task, name).
		Scan(&s.State, &s.Attempt, &s.Crashes, &s.Forgiven, &s.Error, &s.Type))
	return s
}

// effects reads what the handlers left behind.
func (w *world) effects(t testing.TB) []effect {
	t.Helper()
	all, err := readLines[effect](string(w.effectLog))
	require.NoError(t, err)
	return all
}

// seen counts the effects of a kind that steps of a name had.
func (w *world) seen(t testing.TB, step, kind string) (n int) {
	t.Helper()
	for _, e := range w.effects(t) {
		if e.Step == step && e.Kind == kind {
			n++
		}
	}
	return n
}

// effectOf waits for an effect of a step and returns the nth of its kind, counted from 1.
func (w *world) effectOf(t testing.TB, task sdk.UUID, step, kind string, n int) effect {
	t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		seen := 0
		for _, e := range w.effects(t) {
			if e.Task == task && e.Step == step && e.Kind == kind {
				if seen++; seen == n {
					return e
				}
			}
		}
		<-time.After(tick)
	}
	require.FailNow(t, "an effect is missing", "%s number %d of step %s", kind, n, step)
	return effect{}
}

// requireIntact demands that the database breaks no rule.
func (w *world) requireIntact(t testing.TB) {
	t.Helper()
	violations, err := w.store.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, violations)
}

// requireNoStep demands that no step meets the condition, and shows the trails of those that do.
func (w *world) requireNoStep(t testing.TB, condition, why string) {
	t.Helper()
	var trails string
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), `select coalesce(string_agg(format('%s %s %s %s: %s %s', s.task_uuid, s.name, t.at, t.attempt, t.path, t.detail),
		e'\n' order by s.task_uuid, s.name, t.transition_id), '')
		from tasker.workflow_steps s left join tasker.step_transitions t using (task_uuid, step_no) where `+condition).Scan(&trails))
	require.Empty(t, trails, why)
}

// requireNothingLost demands that every acknowledged task is complete.
func (w *world) requireNothingLost(t testing.TB) {
	t.Helper()
	acked := w.acknowledged(t)
	require.NotEmpty(t, acked)
	w.requireNoStep(t, `s.state = 'error' and not exists (select from tasker.tasks k where k.task_uuid = s.task_uuid and k.state = 'complete')`,
		"steps were given up")
	require.Equal(t, len(acked), w.db.Count(t, `select count(*) from tasker.tasks where state = 'complete' and task_uuid = any($1)`, acked),
		"acknowledged tasks are lost")
}

// requireKeyedEffects demands that each complete step had its effect, under a key of its own.
func (w *world) requireKeyedEffects(t testing.TB) {
	t.Helper()
	require.Equal(t, w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'complete'`), w.requireKeys(t),
		"a step is complete without its effect, or has one without being complete")
}

// requireKeys demands that each step has one idempotency key, the same in all attempts, and shares it with no other: a
// system that drops what it has seen under a key then sees each effect once. It returns how many keys there are.
func (w *world) requireKeys(t testing.TB) int {
	t.Helper()
	keys, steps := map[string]sdk.UUID{}, map[sdk.UUID]string{}
	for _, e := range w.effects(t) {
		if key, known := steps[e.StepUUID]; known {
			require.Equal(t, key, e.Key, "step %s has two keys", e.Step)
		}
		if step, known := keys[e.Key]; known {
			require.Equal(t, step, e.StepUUID, "two steps share a key")
		}
		steps[e.StepUUID], keys[e.Key] = e.Key, e.StepUUID
	}
	return len(keys)
}

// requireOnce demands that each complete step ran once.
func (w *world) requireOnce(t testing.TB) {
	t.Helper()
	runs := map[sdk.UUID]int{}
	for _, e := range w.effects(t) {
		if e.Kind == "start" {
			runs[e.StepUUID]++
			require.Equal(t, 1, runs[e.StepUUID], "step %s of task %s ran again", e.Step, e.Task)
		}
	}
	require.Equal(t, w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'complete'`), len(runs))
}
