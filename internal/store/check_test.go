package store_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// checkedWorld is a database with tasks in every situation, all of them brought there by the engine's own statements.
type checkedWorld struct {
	*store.Store
	db       *testdb.DB
	template int32
	lease    store.Lease
	tasks    map[string]sdk.UUID
}

// The checked template is a diamond: cut, then left and right, then join.
const (
	cutStep int32 = iota
	leftStep
	rightStep
	joinStep
)

const checkedDefinition = `{"steps":[
  {"name":"cut","retry":{"retryable":true,"max_attempts":3,"max_crashes":2}},
  {"name":"left","retry":{"retryable":true,"max_attempts":3,"max_crashes":2}},
  {"name":"right","retry":{"retryable":false,"max_attempts":3,"max_crashes":2}},
  {"name":"join","retry":{"retryable":true,"max_attempts":0,"max_crashes":2}}]}`

func newCheckedWorld(t testing.TB) *checkedWorld {
	t.Helper()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), testdb.Patient)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	w := &checkedWorld{Store: s, db: db, tasks: map[string]sdk.UUID{}}
	w.template, err = s.RegisterTemplate(t.Context(), &store.Template{
		Namespace: "n", Name: "diamond", Version: "1.0.0", ContentHash: "h", IdentityStrategy: "always_unique",
		Definition: json.RawMessage(checkedDefinition),
		Steps: []store.TemplateStep{
			{No: cutStep, Name: "cut", Callable: "h", Initial: true, Children: []int32{leftStep, rightStep}},
			{No: leftStep, Name: "left", Callable: "h", Initial: true, Parents: []int32{cutStep}, Children: []int32{joinStep}},
			{No: rightStep, Name: "right", Callable: "h", Initial: true, Parents: []int32{cutStep}, Children: []int32{joinStep}},
			{No: joinStep, Name: "join", Callable: "h", Initial: true, Sink: true, Parents: []int32{leftStep, rightStep}},
		},
	}, false)
	require.NoError(t, err)
	worker, err := s.RegisterWorker(t.Context(), store.WorkerRegistration{Name: "w", Hostname: "host", Slots: 100, Lease: time.Hour})
	require.NoError(t, err)
	handlers, err := s.OfferHandlers(t.Context(), worker, []string{"h"}, nil)
	require.NoError(t, err)
	w.lease = store.Lease{WorkerID: worker, Handlers: []int32{handlers[0].ID}, Budget: 100}

	w.task(t, "untouched", 0)
	w.task(t, "delayed", time.Hour)
	w.claimed(t, "running")
	w.end(t, w.claimed(t, "halfway"), cutStep, 1, store.OutcomeComplete)
	w.end(t, w.tasks["halfway"], leftStep, 1, store.OutcomeRetry)
	done := w.claimed(t, "done")
	for step := cutStep; step <= joinStep; step++ {
		w.end(t, done, step, 1, store.OutcomeComplete)
	}
	w.end(t, w.claimed(t, "failed"), cutStep, 1, store.OutcomeError)
	w.end(t, w.claimed(t, "crashed"), cutStep, 1, store.OutcomeCrash)
	w.claim(t)
	w.end(t, w.tasks["crashed"], cutStep, 2, store.OutcomeRelease)
	w.claim(t)
	w.end(t, w.tasks["crashed"], cutStep, 3, store.OutcomeRetryNow)
	_, err = s.CancelTask(t.Context(), w.claimed(t, "cancelled"), "me", "no longer wanted")
	require.NoError(t, err)
	_, err = s.ReportResults(t.Context(), []store.Report{
		{TaskUUID: w.claimed(t, "reported"), StepNo: cutStep, Attempt: 1, Success: true, Result: json.RawMessage(`1`)},
	}, worker)
	require.NoError(t, err)
	return w
}

func (w *checkedWorld) task(t testing.TB, name string, delay time.Duration) sdk.UUID {
	t.Helper()
	id := sdk.NewUUID()
	_, err := w.CreateTasks(t.Context(), []store.NewTask{{
		TaskUUID: id, TemplateID: w.template, IdentityHash: id[:], CorrelationID: sdk.NewUUID(), Context: json.RawMessage(`{}`),
		RequestedAt: time.Now(), Delay: delay,
	}}, store.Lease{})
	require.NoError(t, err)
	w.tasks[name] = id
	return id
}

// claimed makes a task whose first step the worker has.
func (w *checkedWorld) claimed(t testing.TB, name string) sdk.UUID {
	t.Helper()
	id := w.task(t, name, 0)
	w.claim(t)
	return id
}

// claim takes everything but the step of the task that is to stay untouched.
func (w *checkedWorld) claim(t testing.TB) {
	t.Helper()
	steps, _, err := w.ClaimSteps(t.Context(), w.lease)
	require.NoError(t, err)
	for _, s := range steps {
		if s.TaskUUID == w.tasks["untouched"] {
			w.end(t, s.TaskUUID, s.StepNo, s.Counts.Attempt, store.OutcomeRelease)
		}
	}
}

// end ends an attempt; the worker goes on with what becomes ready.
func (w *checkedWorld) end(t testing.TB, task sdk.UUID, step, attempt int32, kind store.OutcomeKind) {
	t.Helper()
	o := store.Outcome{
		TaskUUID: task, StepNo: step, Attempt: attempt, Kind: kind, From: workflow.StepInProgress, Delay: time.Hour,
		Detail: json.RawMessage(`{"metadata":{}}`),
	}
	if kind == store.OutcomeComplete {
		o.Result = json.RawMessage(`{"ok":true}`)
	}
	applied, err := w.ApplyOutcomes(t.Context(), []store.Outcome{o}, w.lease)
	require.NoError(t, err)
	require.Empty(t, applied.Stale)
}

func TestTheCheckFindsNothingInWhatTheEngineWrote(t *testing.T) {
	t.Parallel()
	w := newCheckedWorld(t)
	states := w.db.Count(t, `select count(distinct state) from tasker.workflow_steps`)
	require.Equal(t, 8, states, "the world has lost some of its situations")
	violations, err := w.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, violations)
}

func TestTheCheckFindsNothingInAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), testdb.New(t).DSN(), testdb.Patient)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	violations, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, violations)
}

// plant breaks a rule in the task named, for the check to find. Its statement knows the task as $1.
type plant struct {
	check, task, sql, found string
}

var plants = map[string]plant{
	"a counter of parents that lags behind": {"waiting_on", "halfway",
		`update tasker.workflow_steps set waiting_on = 1 where task_uuid = $1 and step_no = 3`, "waiting_on is 1, counted are 2"},
	"a child that was forgotten": {"waiting_on", "running",
		`update tasker.workflow_steps set children = '{1}' where task_uuid = $1 and step_no = 0`, "waiting_on is 1, counted are 0"},
	"a counter of sinks that ran ahead": {"task_counters", "running",
		`update tasker.tasks set sinks_left = 0 where task_uuid = $1`, "sinks_left is 0, counted are 1"},
	"a failure that was not counted": {"task_counters", "failed",
		`update tasker.tasks set failed_steps = 0 where task_uuid = $1`, "failed_steps is 0, counted are 1"},
	"a task that ended before its steps": {"task_state", "running",
		`update tasker.tasks set state = 'complete' where task_uuid = $1`, "of its 4 steps 4 are open"},
	"a task that outlived its steps": {"task_state", "done",
		`update tasker.tasks set state = 'steps_in_process' where task_uuid = $1`, "of its 4 steps 0 are open"},
	"a task that is blocked by nothing": {"task_state", "running",
		`update tasker.tasks set state = 'blocked_by_failures' where task_uuid = $1`, "the task is blocked_by_failures"},
	"a task that should be blocked": {"task_state", "failed",
		`update tasker.tasks set state = 'steps_in_process' where task_uuid = $1`, "4 are open and 1 failed"},
	"a task that nothing moves": {"stuck_task", "untouched",
		`update tasker.workflow_steps set state = 'pending', waiting_on = 1 where task_uuid = $1 and step_no = 0`, "nothing will ever move it"},
	"a step in progress without a worker": {"step_owner", "running",
		`update tasker.workflow_steps set worker_id = null where task_uuid = $1 and step_no = 0`, "its worker is missing"},
	"an idle step with a worker": {"step_owner", "untouched",
		`update tasker.workflow_steps set worker_id = 1 where task_uuid = $1 and step_no = 0`, "the step is enqueued, its worker is 1"},
	"a worker that stopped without its step": {"owner_alive", "running",
		`update tasker.workers set stopped_at = now() where exists (select from tasker.tasks where task_uuid = $1)`, "(w) stopped at"},
	"a worker that never was": {"owner_alive", "running",
		`update tasker.workflow_steps set worker_id = 99 where task_uuid = $1 and step_no = 0`, "there is no worker 99"},
	"a step that nobody would miss": {"owner_findable", "running",
		`delete from tasker.task_claims where task_uuid = $1`, "has no claim on the task"},
	"a lease that nobody took back": {"expired_lease", "running",
		`update tasker.workers set lease_until = now() - interval '4 seconds', lease_ms = -86400000 where exists (select from tasker.tasks where task_uuid = $1)`, "(w) ran out 00:00:04"},
	"a queued step that no one can find": {"ready_queue", "untouched",
		`delete from tasker.ready_steps where task_uuid = $1`, "the step is enqueued and has 0 rows"},
	"a step that is queued twice": {"ready_queue", "untouched",
		`insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no) select handler_id, priority, task_uuid, step_no from tasker.ready_steps where task_uuid = $1`,
		"has 2 rows"},
	"a step that is queued for another handler": {"ready_queue", "untouched",
		`update tasker.ready_steps set handler_id = 99 where task_uuid = $1`, "1 rows in ready_steps, 0 of them as it is queued"},
	"a running step that is also queued": {"ready_queue", "running",
		`insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no) values (1, 0, $1, 0)`, "the step is in_progress and has 1 rows"},
	"a retry that never comes": {"timers", "halfway",
		`delete from tasker.step_timers where task_uuid = $1`, "has 0 timers"},
	"a delayed task that never starts": {"timers", "delayed",
		`delete from tasker.step_timers where task_uuid = $1`, "has 0 timers"},
	"a timer for an older attempt": {"timers", "halfway",
		`update tasker.step_timers set attempt = 0 where task_uuid = $1`, "has 1 timers, 0 of them for then"},
	"a timer of a step that runs": {"timers", "running",
		`insert into tasker.step_timers (run_at, task_uuid, step_no, attempt) values (now(), $1, 0, 1)`, "the step is in_progress until no time and has 1 timers"},
	"a result that nobody decides about": {"results_queue", "reported",
		`delete from tasker.step_results_queue where task_uuid = $1`, "the step is enqueued_for_orchestration and has 0 rows for attempt 1"},
	"a move that is none": {"step_moves", "done",
		`update tasker.step_transitions set path = '{in_progress,enqueued,complete}' where task_uuid = $1 and step_no = 3 and path[1] = 'in_progress'`,
		"moved from in_progress to enqueued"},
	"a trail with a gap": {"step_trail", "done",
		`update tasker.step_transitions set path = '{enqueued,in_progress}' where task_uuid = $1 and step_no = 3 and path[1] = 'pending'`,
		"starts at enqueued, the step was pending"},
	"a trail that ends too early": {"step_trail", "untouched",
		`delete from tasker.step_transitions where task_uuid = $1`, "the step is enqueued, its trail ends at pending"},
	"a task's move that is none": {"task_moves", "done",
		`update tasker.task_transitions set path = '{steps_in_process,complete}' where task_uuid = $1 and path[3] = 'complete'`,
		"the task moved from steps_in_process to complete"},
	"a task's trail with a gap": {"task_trail", "done",
		`delete from tasker.task_transitions where task_uuid = $1 and path[1] = 'pending'`, "starts at steps_in_process, the task was pending"},
	"a task without a trail": {"task_trail", "running",
		`delete from tasker.task_transitions where task_uuid = $1`, "its trail ends at nothing"},
	"an attempt that was not claimed": {"attempts_dense", "running",
		`update tasker.workflow_steps set attempt = 2 where task_uuid = $1 and step_no = 0`, "the step is at attempt 2; its trail has 1 attempts"},
	"an attempt that was skipped": {"attempts_dense", "crashed",
		`update tasker.step_transitions set attempt = 7 where task_uuid = $1 and attempt = 2`, "has 4 attempts, 1 to 7"},
	"an attempt that ended twice": {"attempt_ends_once", "done",
		`insert into tasker.step_transitions (task_uuid, step_no, attempt, path) values ($1, 0, 1, '{in_progress,error}')`, "attempt 1 begins or ends 2 times"},
	"an attempt that never ended": {"attempt_ends_once", "done",
		`delete from tasker.step_transitions where task_uuid = $1 and step_no = 0 and path[1] = 'in_progress'`,
		"attempt 1 has not ended, the step is complete at attempt 1"},
	"a winner that is not the latest": {"one_winner", "crashed",
		`update tasker.step_transitions set path = '{in_progress,complete}' where task_uuid = $1 and attempt = 2 and path[1] = 'in_progress'`,
		"attempts that completed it: {2}"},
	"a complete step without a result": {"one_winner", "done",
		`update tasker.workflow_steps set result = null where task_uuid = $1 and step_no = 0`, "attempts that completed it: {1}; result: none"},
	"two attempts at the same time": {"no_overlap", "crashed",
		`update tasker.step_transitions set at = at + interval '1 hour' where task_uuid = $1 and attempt = 1 and path[1] = 'in_progress'`, "attempt 2 began at"},
	"a child before its parent": {"causality", "done",
		`update tasker.step_transitions set at = at - interval '1 hour' where task_uuid = $1 and step_no = 3 and path[1] = 'pending'`, "its parent left ended at"},
	"a child of a parent that never ended": {"causality", "halfway",
		`delete from tasker.step_transitions where task_uuid = $1 and step_no = 0 and path[1] = 'in_progress'`, "its parent cut ended never"},
	"an attempt more than the template allows": {"attempt_bound", "crashed",
		`update tasker.workflow_steps set attempt = 6 where task_uuid = $1 and step_no = 0`, "6 attempts, of which 1 forgiven and 1 crashes; allowed are 3"},
	"a retry that the template forbids": {"attempt_bound", "done",
		`update tasker.workflow_steps set attempt = 2 where task_uuid = $1 and step_no = 2`, "allowed are 1"},
	"a worker too many that was lost": {"attempt_bound", "crashed",
		`update tasker.workflow_steps set crashes = 3 where task_uuid = $1 and step_no = 0`, "and 3 crashes; allowed are 3 and 2 crashes"},
	"an edge to nowhere": {"edges", "untouched",
		`delete from tasker.workflow_steps where task_uuid = $1 and step_no = 3`, "there is no step 3 in the task"},
	"a task that ended at no time": {"ended_tasks", "done",
		`update tasker.tasks set completed_at = null where task_uuid = $1`, "the task is complete, it ended at no time"},
	"an end before the end": {"ended_tasks", "running",
		`update tasker.tasks set completed_at = now() where task_uuid = $1`, "the task is steps_in_process, it ended at"},
	"a blocked task that nobody would find": {"blocked_tasks", "failed",
		`delete from tasker.blocked_tasks where task_uuid = $1`, "the task is blocked_by_failures and is not listed"},
	"a task that is listed as blocked": {"blocked_tasks", "done",
		`insert into tasker.blocked_tasks (task_uuid) values ($1)`, "is listed"},
	"a step behind no gate": {"waiting_on", "halfway",
		`update tasker.tasks set paused_at = now() where task_uuid = $1`, "waiting_on is 2, counted are 2"},
	"a dead letter of no task": {"references", "done",
		`insert into tasker.tasks_dlq (task_uuid, original_state, dlq_reason, task_snapshot) values ($1, 'error', 'manual_dlq', '{}'); delete from tasker.tasks where task_uuid = $1`,
		"tasks_dlq has an entry for no task"},
	"two tasks of one identity": {"identity", "done",
		`drop index tasker.tasks_identity; update tasker.tasks set identity_hash = '\x00' where state <> 'cancelled' or task_uuid = $1`, "have the identity 00"},
	"steps whose task is gone": {"references", "done",
		`delete from tasker.tasks where task_uuid = $1`, "the step has no task"},
	"a task whose template is gone": {"references", "done",
		`update tasker.tasks set template_id = 99 where task_uuid = $1`, "the task has no template 99"},
	"a step whose handler is gone": {"references", "done",
		`update tasker.workflow_steps set handler_id = 99 where task_uuid = $1 and step_no = 0`, "the step has no handler 99"},
	"a queue's row for no step": {"references", "untouched",
		`update tasker.ready_steps set step_no = 9 where task_uuid = $1`, "ready_steps has a row for no step"},
	"a claim of no worker": {"references", "done",
		`insert into tasker.task_claims (worker_id, task_uuid) values (99, $1)`, "worker 99 claims a task"},
	"a trail of no task": {"references", "done",
		`delete from tasker.tasks where task_uuid = $1`, "task_transitions has a row for no task"},
}

func TestTheCheckFindsWhatWasBroken(t *testing.T) {
	t.Parallel()
	w := newCheckedWorld(t)
	for name, p := range plants {
		t.Run(name, func(t *testing.T) {
			task := w.tasks[p.task]
			violations, err := w.CheckBroken(t.Context(), p.check, strings.ReplaceAll(p.sql, "$1", "'"+task.String()+"'"))
			require.NoError(t, err)
			require.True(t, slices.ContainsFunc(violations, func(v store.Violation) bool {
				return v.Check == p.check && v.Rule != "" && strings.Contains(v.Found, p.found) && (v.TaskUUID == task || p.check == "identity")
			}), "%s did not find it; all that was found: %+v", p.check, violations)
		})
	}
}

func TestEveryRuleOfTheCheckIsBrokenOnce(t *testing.T) {
	t.Parallel()
	broken := map[string]bool{}
	for _, p := range plants {
		broken[p.check] = true
	}
	for _, rule := range store.CheckedRules() {
		require.True(t, broken[rule], "no test breaks the rule %s", rule)
	}
}
