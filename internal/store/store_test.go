package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// world is a database on which a test calls the engine's statements by hand. When the test ends nothing in it may break a
// rule of [store.Store.Check].
type world struct {
	*store.Store
	db       *testdb.DB
	handlers []int32
}

// traced are patient options of a store whose statements the tracer sees.
func traced(by store.Tracer) store.Options {
	o := testdb.Patient
	o.Tracer = by
	return o
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), testdb.Patient)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	w := &world{Store: s, db: db}
	t.Cleanup(func() { w.intact(t) })
	return w
}

// intact holds the database against the rules that what the engine writes keeps.
func (w *world) intact(t testing.TB) {
	t.Helper()
	violations, err := w.Check(context.Background()) // a test's own context is done when it is cleaned up
	require.NoError(t, err)
	require.Empty(t, violations)
}

// shape is a template by the parents of each step; a step's number is its place.
type shape [][]int32

var (
	single  = shape{{}}
	chain   = shape{{}, {0}, {1}}
	diamond = shape{{}, {0}, {0}, {1, 2}}
)

// wide has a first step, n in the middle and a last one.
func wide(n int32) shape {
	s := shape{{}}
	var middle []int32
	for i := range n {
		s, middle = append(s, []int32{0}), append(middle, i+1)
	}
	return append(s, middle)
}

// roots has n steps and no edge.
func roots(n int) shape { return make(shape, n) }

// steps are the template's steps, each with the handler that callable gives it.
func (s shape) steps(callable func(no int) string) []store.TemplateStep {
	children := make([][]int32, len(s))
	for no, parents := range s {
		for _, p := range parents {
			children[p] = append(children[p], int32(no))
		}
	}
	steps := make([]store.TemplateStep, len(s))
	for no, parents := range s {
		steps[no] = store.TemplateStep{
			No: int32(no), Name: fmt.Sprintf("step_%d", no), Callable: callable(no), Initial: true, Sink: len(children[no]) == 0,
			Parents: parents, Children: children[no],
		}
	}
	return steps
}

// register makes a template whose steps share the handler "h", unless callable names others.
func (w *world) register(t testing.TB, s shape, callable ...func(no int) string) int32 {
	t.Helper()
	call := func(int) string { return "h" }
	if len(callable) > 0 {
		call = callable[0]
	}
	id, err := w.RegisterTemplate(t.Context(), &store.Template{
		Namespace: "n", Name: sdk.NewUUID().String(), Version: "1.0.0", ContentHash: "content", IdentityStrategy: "always_unique",
		Definition: json.RawMessage(`{"steps":[]}`), Steps: s.steps(call),
	}, false)
	require.NoError(t, err)
	var callables []string
	for no := range s {
		callables = append(callables, call(no))
	}
	offered, err := w.OfferHandlers(t.Context(), 0, callables, nil)
	require.NoError(t, err)
	w.handlers = nil
	for _, h := range offered {
		w.handlers = append(w.handlers, h.ID)
	}
	return id
}

// handler offers a callable and returns its id.
func (w *world) handler(t testing.TB, callable string) int32 {
	t.Helper()
	offered, err := w.OfferHandlers(t.Context(), 0, []string{callable}, nil)
	require.NoError(t, err)
	require.Len(t, offered, 1)
	return offered[0].ID
}

// worker registers one and returns a lease over all handlers of the template that was registered last.
func (w *world) worker(t testing.TB, budget int) store.Lease {
	t.Helper()
	id, err := w.RegisterWorker(t.Context(), store.WorkerRegistration{Name: "w", Hostname: "host", Slots: budget, Lease: time.Hour})
	require.NoError(t, err)
	return store.Lease{WorkerID: id, Handlers: w.handlers, Budget: budget}
}

// expire lets a worker's lease run out.
func (w *world) expire(t testing.TB, worker int32) {
	t.Helper()
	w.db.Exec(t, `update tasker.workers set lease_until = clock_timestamp() - interval '1 second', lease_ms = 0 where worker_id = $1`, worker)
}

func taskOf(template int32) store.NewTask {
	id := sdk.NewUUID()
	return store.NewTask{
		TaskUUID: id, TemplateID: template, IdentityHash: id[:], CorrelationID: sdk.NewUUID(),
		Context: json.RawMessage(`{"cart": 7}`), RequestedAt: time.Now(),
	}
}

func tasksOf(template int32, n int) []store.NewTask {
	tasks := make([]store.NewTask, n)
	for i := range tasks {
		tasks[i] = taskOf(template)
	}
	return tasks
}

// create makes one task, with all its roots leased by l if its budget allows.
func (w *world) create(t testing.TB, template int32, l store.Lease) sdk.UUID {
	t.Helper()
	task := taskOf(template)
	created, err := w.CreateTasks(t.Context(), []store.NewTask{task}, l)
	require.NoError(t, err)
	require.Empty(t, created.Existing)
	return task.TaskUUID
}

func (w *world) claim(t testing.TB, l store.Lease) []store.ClaimedStep {
	t.Helper()
	steps, _, err := w.ClaimSteps(t.Context(), l)
	require.NoError(t, err)
	return steps
}

func (w *world) apply(t testing.TB, l store.Lease, outcomes ...store.Outcome) store.Applied {
	t.Helper()
	applied, err := w.ApplyOutcomes(t.Context(), outcomes, l)
	require.NoError(t, err)
	return applied
}

func outcome(task sdk.UUID, no, attempt int32, kind store.OutcomeKind) store.Outcome {
	o := store.Outcome{TaskUUID: task, StepNo: no, Attempt: attempt, Kind: kind}
	if kind == store.OutcomeComplete {
		o.Result = json.RawMessage(fmt.Sprintf(`{"step": %d, "attempt": %d}`, no, attempt))
	} else {
		o.Detail = json.RawMessage(fmt.Sprintf(`{"reason": "kind %d"}`, kind))
	}
	return o
}

func completed(steps ...store.LeasedStep) []store.Outcome {
	outcomes := make([]store.Outcome, len(steps))
	for i, s := range steps {
		outcomes[i] = outcome(s.TaskUUID, s.StepNo, s.Counts.Attempt, store.OutcomeComplete)
	}
	return outcomes
}

// stepRow is a step as it is stored.
type stepRow struct {
	State                                 workflow.StepState
	WaitingOn, Attempt, Crashes, Forgiven int32
	// Worker is 0 for none.
	Worker          int32
	Result, Outcome string
	// Queued and Timers count its rows in these tables.
	Queued, Timers int
}

func (w *world) step(t testing.TB, task sdk.UUID, no int32) stepRow {
	t.Helper()
	rows, err := w.db.Pool(t).Query(t.Context(), `select s.state::text, s.waiting_on, s.attempt, s.crashes, s.forgiven, coalesce(s.worker_id, 0),
		coalesce(s.result::text, ''), coalesce(s.outcome::text, ''),
		(select count(*)::int from tasker.ready_steps q where q.task_uuid = s.task_uuid and q.step_no = s.step_no),
		(select count(*)::int from tasker.step_timers m where m.task_uuid = s.task_uuid and m.step_no = s.step_no)
		from tasker.workflow_steps s where s.task_uuid = $1 and s.step_no = $2`, task, no)
	require.NoError(t, err)
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[stepRow])
	require.NoError(t, err)
	return row
}

// states are the steps' states by number.
func (w *world) states(t testing.TB, task sdk.UUID) []workflow.StepState {
	t.Helper()
	return texts[workflow.StepState](t, w, `select state::text from tasker.workflow_steps where task_uuid = $1 order by step_no`, task)
}

func (w *world) taskState(t testing.TB, task sdk.UUID) workflow.TaskState {
	t.Helper()
	state, err := w.TaskState(t.Context(), task)
	require.NoError(t, err)
	return state
}

// trail lists the moves of a step, a text for each statement that moved it.
func (w *world) trail(t testing.TB, task sdk.UUID, no int32) []string {
	t.Helper()
	return texts[string](t, w, `select array_to_string(path, ' ') from tasker.step_transitions
		where task_uuid = $1 and step_no = $2 order by transition_id`, task, no)
}

// taskTrail lists the moves of a task.
func (w *world) taskTrail(t testing.TB, task sdk.UUID) []string {
	t.Helper()
	return texts[string](t, w, `select array_to_string(path, ' ') from tasker.task_transitions where task_uuid = $1 order by transition_id`, task)
}

func texts[S ~string](t testing.TB, w *world, sql string, args ...any) []S {
	t.Helper()
	rows, err := w.db.Pool(t).Query(t.Context(), sql, args...)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[S])
	require.NoError(t, err)
	return all
}

// everything is all that the statements of the engine write, as text, to see that nothing changed.
func (w *world) everything(t testing.TB) string {
	t.Helper()
	var all []string
	for _, table := range []string{"tasks", "workflow_steps", "ready_steps", "step_timers", "task_claims", "step_transitions", "task_transitions",
		"step_results_queue"} {
		all = append(all, texts[string](t, w, `select format('%s %s', '`+table+`', x::text) from tasker.`+table+` x order by 1`)...)
	}
	return strings.Join(all, "\n")
}

// ears hear the notifications of a channel.
type ears struct {
	conn *pgx.Conn
	db   *testdb.DB
}

func (w *world) listen(t testing.TB, channel string) *ears {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.db.DSN())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), "listen "+channel+"; listen silence")
	require.NoError(t, err)
	return &ears{conn, w.db}
}

// heard returns what was said since the last call. Notifications arrive in the order of commits, so one of its own marks
// the end.
func (e *ears) heard(t testing.TB) (payloads []string) {
	t.Helper()
	e.db.Exec(t, "notify silence")
	for {
		n, err := e.conn.WaitForNotification(t.Context())
		require.NoError(t, err)
		if n.Channel == "silence" {
			return payloads
		}
		payloads = append(payloads, n.Payload)
	}
}

// sibling is the address of another database on the same server.
func sibling(t testing.TB, db *testdb.DB, name string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(db.DSN())
	require.NoError(t, err)
	if u, err := url.Parse(db.DSN()); err == nil && u.Scheme != "" {
		u.Path = "/" + name
		return u.String()
	}
	return strings.Replace(db.DSN(), cfg.Database, name, 1)
}

func TestOpenRefusesADatabaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{
		"nonsense":         "postgres://u@localhost:notaport/db",
		"no server":        "postgres://u@127.0.0.1:1/db?connect_timeout=2",
		"no such database": sibling(t, testdb.New(t), "no_such_database"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store.Open(t.Context(), dsn, store.Options{})
			require.ErrorContains(t, err, "database")
		})
	}
}

func TestConnectionsCarryTheirNameAndTheirBounds(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), store.Options{
		ApplicationName: "under test", EngineConnections: 3, MinConnections: 1, StatementTimeout: 1500 * time.Millisecond, LockTimeout: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	require.NoError(t, s.Ping(t.Context()))
	require.Equal(t, db.DSN(), s.DSN())
	require.NotZero(t, db.Count(t, `select count(*) from pg_stat_activity where application_name = 'under test' and datname = current_database()`))

	w := &world{Store: s, db: db}
	template := w.register(t, single)
	l := w.worker(t, 1)
	task := w.create(t, template, l)
	release := w.held(t, task)
	_, err = s.ApplyOutcomes(t.Context(), []store.Outcome{outcome(task, 0, 1, store.OutcomeComplete)}, l)
	require.ErrorContains(t, err, "apply 1 outcomes")
	require.Equal(t, store.RemedyRetry, store.Classify(err), err)
	release()
	require.Empty(t, w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete)).Stale)
	require.Equal(t, workflow.TaskComplete, w.taskState(t, task))
}

func TestATransactionPoolerNeedsNothingKeptOnAConnection(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), store.Options{TransactionPooler: true, EngineConnections: 2, MinConnections: 1})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	w := &world{Store: s, db: db}
	template := w.register(t, diamond)
	l := w.worker(t, 10)
	task := w.create(t, template, store.Lease{})
	for _, no := range []int32{0, 1, 2, 3} {
		w.claim(t, l)
		require.Empty(t, w.apply(t, store.Lease{WorkerID: l.WorkerID}, outcome(task, no, 1, store.OutcomeComplete)).Stale)
	}
	require.Equal(t, workflow.TaskComplete, w.taskState(t, task))
	violations, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, violations)
}
