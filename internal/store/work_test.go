package store_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/embedpg"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
)

// workMeter reads from the log of a database server how many rows its statements went through.
type workMeter struct {
	path string
	read int
}

// meteredWorld is a store whose plans are the only ones of its server: each of its pools has one connection.
func meteredWorld(t testing.TB) (*world, *workMeter) {
	t.Helper()
	c := testdb.NewCluster(t, func(o *embedpg.Options) {
		o.FastUnsafe = true
		o.Settings = map[string]string{
			"autovacuum": "off", "session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0",
			"auto_explain.log_analyze": "on", "auto_explain.log_timing": "off", "auto_explain.log_nested_statements": "on",
			"auto_explain.log_format": "json",
		}
	})
	db := c.NewDB(t)
	options := testdb.Patient
	options.EngineConnections, options.QueryConnections = 1, 1
	s, err := store.Open(t.Context(), db.DSN(), options)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return &world{Store: s, db: db}, &workMeter{path: c.Server().LogPath()}
}

// workNode is a node of a plan that was carried out, with averages over its loops.
type workNode struct {
	Loops   float64    `json:"Actual Loops"`
	Rows    float64    `json:"Actual Rows"`
	Removed float64    `json:"Rows Removed by Filter"`
	Joined  float64    `json:"Rows Removed by Join Filter"`
	Plans   []workNode `json:"Plans"`
}

func (n *workNode) work() float64 {
	work := n.Loops * (1 + n.Rows + n.Removed + n.Joined)
	for i := range n.Plans {
		work += n.Plans[i].work()
	}
	return work
}

var planInLog = regexp.MustCompile(`(?m)^.*duration: [\d.]+ ms  plan:\n((?:\t.*\n)+)`)

// most returns the most rows that one statement went through since the last time, and the statement.
func (m *workMeter) most(t testing.TB) (work float64, statement string) {
	t.Helper()
	log, err := os.ReadFile(m.path)
	require.NoError(t, err)
	fresh := log[m.read:]
	m.read = len(log)
	for _, entry := range planInLog.FindAllSubmatch(fresh, -1) {
		var logged struct {
			Text string `json:"Query Text"`
			Plan workNode
		}
		text := bytes.ReplaceAll(entry[1], []byte("\n\t"), []byte("\n"))
		require.NoError(t, json.Unmarshal(text, &logged), string(text))
		if w := logged.Plan.work(); w > work {
			work, statement = w, logged.Text
		}
	}
	return work, statement
}

// largeTasks has a task of n steps side by side, n tasks, and a task that splits into n batches go through all that happens to
// steps.
func (w *world) largeTasks(t testing.TB, n int32) {
	t.Helper()
	w.wideTask(t, n)
	w.refusedTask(t, n)
	w.manyTasks(t, n)
	w.splitTask(t, n)
}

// wideTask has n steps retried, paused, resumed, completed, run again, lost and cancelled.
func (w *world) wideTask(t testing.TB, n int32) {
	t.Helper()
	ctx := t.Context()
	template := w.register(t, wide(n))
	l := w.worker(t, int(n)+2)
	task := w.create(t, template, l)
	held, retries := make([]store.HeldAttempt, n), make([]store.Outcome, n)
	reports, ends := make([]store.Report, n/2), make([]store.Outcome, n-n/2)
	for i := range n {
		held[i] = store.HeldAttempt{TaskUUID: task, StepNo: i + 1, Attempt: 1}
		retries[i] = outcome(task, i+1, 1, store.OutcomeRetry)
		if i < n/2 {
			reports[i] = report(task, i+1, 2, true)
		} else {
			ends[i-n/2] = outcome(task, i+1, 2, store.OutcomeComplete)
		}
	}
	w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete))
	over, err := w.RevokedSteps(ctx, held)
	require.NoError(t, err)
	require.Empty(t, over)
	_, err = w.HeldSteps(ctx, l.WorkerID)
	require.NoError(t, err)

	w.apply(t, l, retries...)
	_, err = w.FireTimers(ctx)
	require.NoError(t, err)
	require.NoError(t, w.PauseTask(ctx, by(task, "pause")))
	require.NoError(t, w.ResumeTask(ctx, by(task, "resume")))
	require.Len(t, w.claim(t, l), int(n))

	w.report(t, l, reports...)
	var ids []int64
	for _, r := range w.take(t, len(reports)) {
		ids = append(ids, r.ID)
		o := outcome(task, r.StepNo, 2, store.OutcomeComplete)
		o.From = r.From
		ends = append(ends, o)
	}
	w.apply(t, l, ends...)
	require.NoError(t, w.DropResults(ctx, ids))
	w.apply(t, l, outcome(task, n+1, 1, store.OutcomeError))
	_, err = w.ReportBlockedTasks(ctx, 10)
	require.NoError(t, err)
	_, err = w.HopelessTasks(ctx, 10, true)
	require.NoError(t, err)

	w.retryFrom(t, task, 0)
	require.Len(t, w.claim(t, l), 1)
	w.apply(t, l, outcome(task, 0, 2, store.OutcomeComplete))
	w.expire(t, l.WorkerID)
	lost, err := w.LostSteps(ctx, int(n))
	require.NoError(t, err)
	require.Len(t, lost, int(n))
	_, err = w.CancelTask(ctx, task, "ada", "")
	require.NoError(t, err)
	require.NoError(t, w.BuryWorkers(ctx))
}

// refusedTask has n steps fail because nobody has their handler.
func (w *world) refusedTask(t testing.TB, n int32) {
	t.Helper()
	w.create(t, w.register(t, roots(int(n))), store.Lease{})
	refused, err := w.RefuseReadySteps(t.Context(), w.handlers[0], json.RawMessage(`{}`))
	require.NoError(t, err)
	require.Equal(t, int(n), refused)
}

// manyTasks has n tasks of one step created, claimed and ended together.
func (w *world) manyTasks(t testing.TB, n int32) {
	t.Helper()
	_, err := w.CreateTasks(t.Context(), tasksOf(w.register(t, single), int(n)), store.Lease{})
	require.NoError(t, err)
	l := w.worker(t, int(n))
	claimed := w.claim(t, l)
	require.Len(t, claimed, int(n))
	_, err = w.HeldSteps(t.Context(), l.WorkerID)
	require.NoError(t, err)
	var reports []store.Report
	var ends []store.Outcome
	for i, c := range claimed {
		if i%2 == 0 {
			reports = append(reports, report(c.TaskUUID, 0, 1, true))
		} else {
			ends = append(ends, outcome(c.TaskUUID, 0, 1, store.OutcomeComplete))
		}
	}
	w.report(t, l, reports...)
	w.take(t, len(reports))
	if len(ends) > 0 {
		w.apply(t, l, ends...)
	}
}

// splitTask has n batches paused, resumed, let go by hand, cut short, run again and cancelled.
func (w *world) splitTask(t testing.TB, n int32) {
	t.Helper()
	ctx := t.Context()
	g := w.garden(t)
	g.grow(t, splitStep, splitInto(int(n)))
	require.NoError(t, g.PauseTask(ctx, by(g.task, "pause")))
	require.NoError(t, g.ResumeTask(ctx, by(g.task, "resume")))
	g.resolve(t, g.task, decideStep, "")
	g.db.Exec(t, "update tasker.step_batches set fail_fast = true where task_uuid = $1", g.task)
	fail := outcome(g.task, work(1), 1, store.OutcomeError)
	fail.Pattern = workPattern
	_, err := g.ApplyLocked(ctx, []store.Outcome{fail}, g.lease)
	require.NoError(t, err)
	g.retryFrom(t, g.task, startStep)
	_, err = g.CancelTask(ctx, g.task, "ada", "")
	require.NoError(t, err)
}

// What a statement does may grow with the steps it is for, and with nothing else: not with other tasks, and not with their square.
// PostgreSQL chooses plans by statistics, which may be of another time, and keeps them.
func TestTheWorkOfAStatementIsInProportionToItsSteps(t *testing.T) {
	t.Parallel()
	const steps, atMost = 600, 100.0 // that every step looks at every other one is 600
	nearlyEmpty := func(w *world) {
		w.largeTasks(t, 1)
		w.db.Exec(t, "vacuum analyze")
		w.largeTasks(t, 1)
		fillWithTasks(t, w.Store, 1000)
	}
	for before, prepare := range map[string]func(w *world){
		"nearly empty tables": nearlyEmpty,
		"nearly empty tables, with messages": func(w *world) {
			require.NoError(t, store.UsePgmq(t.Context(), w.db.DSN()))
			nearlyEmpty(w)
		},
		"tasks of few steps": func(w *world) {
			w.largeTasks(t, 1)
			fillWithTasks(t, w.Store, 1000)
			w.db.Exec(t, "vacuum analyze")
		},
		"tasks like them": func(w *world) {
			w.largeTasks(t, steps)
			w.db.Exec(t, "vacuum analyze")
		},
	} {
		t.Run("after "+before, func(t *testing.T) {
			t.Parallel()
			w, meter := meteredWorld(t)
			prepare(w)
			meter.most(t)
			w.largeTasks(t, steps)
			work, statement := meter.most(t)
			require.Less(t, work/steps, atMost, statement)
			require.Greater(t, work/steps, 1., "the server tells of nothing")
		})
	}
}
