package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/embedpg"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

// The ways to reach rows: a table, the index, and the columns that are looked up in it.
const (
	taskByKey      = "tasks by tasks_pkey (task_uuid)"
	stepByKey      = "workflow_steps by workflow_steps_pkey (task_uuid, step_no)"
	stepsOfTask    = "workflow_steps by workflow_steps_pkey (task_uuid)"
	queueInOrder   = "ready_steps by ready_steps_order (handler_id)"
	queueByPlace   = "ready_steps by Tid Scan"
	claimsOfTask   = "task_claims by task_claims_pkey (task_uuid)"
	claimsOfWorker = "task_claims by task_claims_worker (worker_id)"
)

// hotStatements run for each step or task, or at intervals for ever. Each may reach the rows of growing tables in these ways,
// sorted; what it scans otherwise is small.
var hotStatements = map[string][]string{
	"create_tasks":   {},
	"existing_tasks": {"tasks by tasks_identity (identity_hash)"},
	"claim_steps":    {queueByPlace, queueInOrder, taskByKey, stepByKey},
	"apply_ends":     {claimsOfTask, taskByKey, stepByKey},
	"apply_outcomes": {claimsOfTask, taskByKey, stepByKey},
	"stale_outcomes": {"step_transitions by step_transitions_step (task_uuid, step_no)"},
	"task_context":   {taskByKey},
	"next_timer":     {"step_timers by step_timers_pkey ()"},
	"held_steps":     {claimsOfWorker, taskByKey, stepsOfTask},
	"orphan_steps":   {queueInOrder},
	"revoked_steps":  {stepByKey},
	"report_blocked": {taskByKey, stepsOfTask},
	"hopeless_tasks": {taskByKey, stepsOfTask},
	"refuse_ready":   {queueByPlace, queueInOrder, taskByKey, stepByKey},
	"heartbeat":      {},
	"task_state":     {taskByKey},
}

// growing are the tables that hold all tasks there ever were, or wait in a queue.
var growing = []string{"tasks", "workflow_steps", "ready_steps", "step_timers", "step_transitions", "task_transitions", "task_claims"}

func TestHotStatementsReachTheirRowsByIndex(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	sent := &statementRecorder{statements: map[string]recordedStatement{}}
	s, err := store.Open(t.Context(), db.DSN(), traced(sent))
	require.NoError(t, err)
	t.Cleanup(s.Close)
	runHotStatements(t, s)

	fillWithTasks(t, s, 3000)
	db.Exec(t, "vacuum analyze")
	for name, ways := range hotStatements {
		statement, ok := sent.statements[name]
		require.True(t, ok, "%s was not sent: it has another name now, or is sent no more", name)
		require.Equal(t, ways, explain(t, statement), name)
	}
}

// TestStepUpdatesTouchNoIndex runs chains as a busy engine does: tasks come in while others are at all stages. It has a server
// of its own, because a transaction that runs in any database keeps dead rows from making room for the next update.
func TestStepUpdatesTouchNoIndex(t *testing.T) {
	t.Parallel()
	const tasks, batch, underway, updatesOfATask = 1500, 50, 200, 1 + 3*2
	db := testdb.NewCluster(t, func(o *embedpg.Options) {
		o.FastUnsafe, o.Settings = true, map[string]string{"autovacuum": "off"}
	}).NewDB(t)
	s, err := store.Open(t.Context(), db.DSN(), testdb.Patient)
	require.NoError(t, err)
	lease, template := planWorld(t, s)
	var leased []store.LeasedStep
	created, ended := 0, 0
	for ended < tasks {
		for created < tasks && len(leased) < underway {
			made, err := s.CreateTasks(t.Context(), newTasks(template, batch), lease)
			require.NoError(t, err)
			created, leased = created+batch, append(leased, made.Leased...)
		}
		outcomes := make([]store.Outcome, min(batch, len(leased)))
		for i, step := range leased[:len(outcomes)] {
			outcomes[i] = store.Outcome{
				TaskUUID: step.TaskUUID, StepNo: step.StepNo, Attempt: step.Counts.Attempt, Kind: store.OutcomeComplete, Result: json.RawMessage(`{"result": 49}`),
			}
		}
		applied, err := s.ApplyOutcomes(t.Context(), outcomes, lease)
		require.NoError(t, err)
		leased = append(leased[len(outcomes):], applied.Leased...)
		ended += len(applied.Ended)
	}
	s.Close() // connections that end report what they did
	count := func(column string) int {
		return db.Count(t, "select "+column+" from pg_stat_user_tables where relid = 'tasker.workflow_steps'::regclass")
	}
	require.Eventually(t, func() bool { return count("n_tup_upd") == tasks*updatesOfATask }, 20*time.Second, 20*time.Millisecond)
	require.Greater(t, float64(count("n_tup_hot_upd"))/(tasks*updatesOfATask), 0.9)
}

// runHotStatements has each sent once. What they find does not matter.
func runHotStatements(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	lease, template := planWorld(t, s)
	task := newTask(template)
	created, err := s.CreateTasks(ctx, []store.NewTask{task}, lease)
	require.NoError(t, err)
	require.Len(t, created.Leased, 1)
	twin := newTask(template)
	twin.IdentityHash = task.IdentityHash
	created, err = s.CreateTasks(ctx, []store.NewTask{twin, newTask(template)}, lease)
	require.NoError(t, err)
	require.Equal(t, task.TaskUUID, created.Existing[0])

	for _, kind := range []store.OutcomeKind{store.OutcomeComplete, store.OutcomeRetry} {
		over := store.Outcome{TaskUUID: task.TaskUUID, StepNo: 0, Attempt: 9, Kind: kind}
		applied, err := s.ApplyOutcomes(ctx, []store.Outcome{over, over}, lease)
		require.NoError(t, err)
		require.Equal(t, []int{0, 1}, applied.Stale)
	}
	for _, send := range []func() error{
		func() error { _, _, err := s.ClaimSteps(ctx, lease); return err },
		func() error { _, err := s.HeldSteps(ctx, lease.WorkerID); return err },
		func() error { _, err := s.ReportBlockedTasks(ctx, 10); return err },
		func() error { _, err := s.HopelessTasks(ctx, 10, true); return err },
		func() error {
			_, err := s.RevokedSteps(ctx, []store.HeldAttempt{{TaskUUID: task.TaskUUID, Attempt: 1}})
			return err
		},
		func() error { _, err := s.TaskContext(ctx, task.TaskUUID); return err },
		func() error { _, err := s.TaskState(ctx, task.TaskUUID); return err },
		func() error { _, _, err := s.NextTimer(ctx); return err },
		func() error { _, err := s.OrphanHandlers(ctx, time.Second); return err },
		func() error { _, err := s.RefuseReadySteps(ctx, lease.Handlers[0], json.RawMessage("{}")); return err },
		func() error { return s.Heartbeat(ctx, lease.WorkerID, 0) },
	} {
		require.NoError(t, send())
	}
}

// statementRecorder keeps each statement under its name, with the settings of the connection it went through.
type statementRecorder struct {
	mu         sync.Mutex
	statements map[string]recordedStatement
}

type recordedStatement struct {
	sql    string
	args   int
	config *pgx.ConnConfig
}

var statementName = regexp.MustCompile(`^/\* tasker:(\w+) \*/`)

func (r *statementRecorder) TraceQueryStart(ctx context.Context, conn *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	if name := statementName.FindStringSubmatch(d.SQL); name != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		config := conn.Config()
		config.Tracer = nil
		r.statements[name[1]] = recordedStatement{d.SQL, len(d.Args), config}
	}
	return ctx
}

func (r *statementRecorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// planNode is a node of EXPLAIN's JSON.
type planNode struct {
	NodeType  string     `json:"Node Type"`
	Operation string     `json:"Operation"`
	Relation  string     `json:"Relation Name"`
	Index     string     `json:"Index Name"`
	Condition string     `json:"Index Cond"`
	Plans     []planNode `json:"Plans"`
}

// explain plans a statement as its own connection would, for unknown arguments, and returns how it reaches growing tables.
func explain(t *testing.T, s recordedStatement) []string {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), s.config)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "set plan_cache_mode = force_generic_plan; prepare planned as "+s.sql, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	execute := "explain (format json, costs off) execute planned"
	if s.args > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("null,", s.args), ",") + ")"
	}
	var text string
	require.NoError(t, conn.QueryRow(t.Context(), execute, pgx.QueryExecModeSimpleProtocol).Scan(&text))
	var plans []struct{ Plan planNode }
	require.NoError(t, json.Unmarshal([]byte(text), &plans))
	ways := []string{}
	plans[0].Plan.walk(func(n *planNode) {
		require.NotContains(t, []string{"Hash Join", "Merge Join"}, n.NodeType, text)
		if slices.Contains(growing, n.Relation) && n.NodeType != "ModifyTable" && n.NodeType != "LockRows" {
			ways = append(ways, n.way())
		}
	})
	slices.Sort(ways)
	return slices.Compact(ways)
}

func (n *planNode) walk(visit func(*planNode)) {
	visit(n)
	for i := range n.Plans {
		n.Plans[i].walk(visit)
	}
}

var comparedColumn = regexp.MustCompile(`\((\w+) (?:=|<|>|<=|>=) `)

func (n *planNode) way() string {
	if n.Index == "" {
		return n.Relation + " by " + n.NodeType
	}
	var columns []string
	for _, c := range comparedColumn.FindAllStringSubmatch(n.Condition, -1) {
		columns = append(columns, c[1])
	}
	return fmt.Sprintf("%s by %s (%s)", n.Relation, n.Index, strings.Join(columns, ", "))
}

// planWorld is a worker and a template: a chain of four steps.
func planWorld(t *testing.T, s *store.Store) (store.Lease, int32) {
	t.Helper()
	template, err := s.RegisterTemplate(t.Context(), &store.Template{
		Namespace: "plans", Name: "chain", Version: "1.0.0", ContentHash: "chain", IdentityStrategy: "always_unique", Definition: json.RawMessage("{}"),
		Steps: []store.TemplateStep{
			{No: 0, Name: "a", Callable: "nothing", Initial: true, Children: []int32{1}},
			{No: 1, Name: "b", Callable: "nothing", Initial: true, Parents: []int32{0}, Children: []int32{2}},
			{No: 2, Name: "c", Callable: "nothing", Initial: true, Parents: []int32{1}, Children: []int32{3}},
			{No: 3, Name: "d", Callable: "nothing", Initial: true, Sink: true, Parents: []int32{2}},
		},
	}, false)
	require.NoError(t, err)
	worker, err := s.RegisterWorker(t.Context(), store.WorkerRegistration{Name: "w", Hostname: "h", Slots: 1000, Lease: time.Hour})
	require.NoError(t, err)
	handlers, err := s.OfferHandlers(t.Context(), 0, []string{"nothing"}, nil)
	require.NoError(t, err)
	return store.Lease{WorkerID: worker, Handlers: []int32{handlers[0].ID}, Budget: 1000}, template
}

func newTask(template int32) store.NewTask {
	id := sdk.NewUUID()
	return store.NewTask{
		TaskUUID: id, TemplateID: template, IdentityHash: id[:], CorrelationID: id, Context: json.RawMessage(`{"n": 7}`), RequestedAt: time.Now(),
	}
}

func newTasks(template int32, n int) []store.NewTask {
	tasks := make([]store.NewTask, n)
	for i := range tasks {
		tasks[i] = newTask(template)
	}
	return tasks
}

// fillWithTasks makes tasks whose first steps wait in the queue, and some whose first step is claimed.
func fillWithTasks(t *testing.T, s *store.Store, n int) {
	t.Helper()
	lease, template := planWorld(t, s)
	lease.Budget = 250
	for ; n > 0; n -= 500 {
		_, err := s.CreateTasks(t.Context(), newTasks(template, 500), lease)
		require.NoError(t, err)
	}
}
