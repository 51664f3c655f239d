package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestTheCExampleRunsTheLinearExampleOnTheEmbeddedDatabase(t *testing.T) {
	t.Parallel()
	build(t, "")
	example := filepath.Join(t.TempDir(), "worker")
	lib := filepath.Join(root(t), "build/lib/test-plain")
	run(t, patience, nil, compiler(), "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-o", example,
		"examples/c/worker.c", "-L"+lib, "-ltasker", "-Wl,-rpath,"+lib)
	data, err := os.MkdirTemp("", "tasker-ffi-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(data)) })
	require.NoError(t, os.Chmod(data, 0o711)) // for root, whose database runs as another user
	out := run(t, patience, []string{
		"DATABASE_URL=", "TASKER__DATABASE__DATA_DIR=" + filepath.Join(data, "db"), "TASKER_TEMPLATE_PATH=" + filepath.Join(root(t), "examples/templates"),
	}, example, "6")
	require.Equal(t, strings.Join([]string{
		`linear_step_1 {"success":true,"result":{"value":"36"}}`,
		`linear_step_2 {"success":true,"result":{"value":"1296"}}`,
		`linear_step_3 {"success":true,"result":{"value":"1679616"}}`,
		`linear_step_4 {"success":true,"result":{"value":"2821109907456"}}`,
		`task complete`, "",
	}, "\n"), out)
}

// settings are a host's configuration for a database. It keeps its lease however long the machine keeps it waiting.
func settings(t *testing.T, dsn string, more map[string]any) string {
	t.Helper()
	all := map[string]any{
		"database.url": dsn, "worker.lease_ms": 60_000, "worker.poll_interval_ms": 50, "database.pool.max_connections": 6,
		"task_templates.search_paths": filepath.Join(root(t), "examples/templates/linear.yaml"),
	}
	for k, v := range more {
		all[k] = v
	}
	raw, err := json.Marshal(map[string]any{"handlers": []string{"math.square"}, "settings": all})
	require.NoError(t, err)
	return string(raw)
}

// hostProcess is a driver that serves steps and goes on when it is told to.
type hostProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	stdin io.Writer
}

func serve(t *testing.T, env []string, args ...string) *hostProcess {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), build(t, ""), args...)
	cmd.Dir, cmd.Env, cmd.Stderr = t.TempDir(), append(os.Environ(), append(env, "DRIVER_ASK=1")...), os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return &hostProcess{t: t, cmd: cmd, lines: bufio.NewScanner(stdout), stdin: stdin}
}

// expect reads the next line and holds it against its beginning.
func (p *hostProcess) expect(prefix string) string {
	p.t.Helper()
	require.True(p.t, p.lines.Scan(), "the driver ended; expected %q", prefix)
	require.True(p.t, strings.HasPrefix(p.lines.Text(), prefix), "expected %q, got %q", prefix, p.lines.Text())
	return p.lines.Text()
}

// goOn lets it go on from where it reached.
func (p *hostProcess) goOn() {
	p.t.Helper()
	_, err := io.WriteString(p.stdin, "\n")
	require.NoError(p.t, err)
}

func (p *hostProcess) ended() error {
	for p.lines.Scan() {
	}
	return p.cmd.Wait()
}

// createTask makes a task of the linear template by a host of its own.
func createTask(t *testing.T, dsn string) {
	t.Helper()
	out := run(t, patience, []string{"DRIVER_ASK="}, build(t, ""), "call", settings(t, dsn, nil), "client.create_task", fmt.Sprintf(
		`{"namespace":"examples_linear","name":"mathematical_sequence","version":"1.0.0","context":{"even_number":%d},"initiator":"t","source_system":"t","reason":"t"}`,
		2*time.Now().UnixNano()%1_000_000))
	require.Contains(t, out, `"task_uuid"`)
}

// count asks the database until the number is as wanted.
func count(t *testing.T, pool *pgxpool.Pool, want int, query string) {
	t.Helper()
	var got int
	require.Eventually(t, func() bool {
		return pool.QueryRow(t.Context(), query).Scan(&got) == nil && got == want
	}, patience, 20*time.Millisecond, "%s", query)
}

const (
	completeSteps = `select count(*) from tasker.workflow_steps where state = 'complete'`
	runningSteps  = `select count(*) from tasker.workflow_steps where state = 'in_progress'`
	attempts      = `select coalesce(sum(attempt), 0) from tasker.workflow_steps`
)

func TestAnOperatorsActionReachesTheHostThatRunsTheStep(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	own := settings(t, db.DSN(), nil)
	host := serve(t, []string{"DRIVER_AWAIT_CANCEL=1"}, "serve", own, "1")
	host.expect("ready")
	host.goOn()
	createTask(t, db.DSN())
	host.expect("polled")
	var task sdk.UUID
	require.NoError(t, db.Pool(t).QueryRow(t.Context(), "select task_uuid from tasker.tasks").Scan(&task))
	out := run(t, patience, []string{"DRIVER_ASK="}, build(t, ""), "call", own, "client.complete_manually", fmt.Sprintf(
		`{"task_uuid":%q,"step_uuid":%q,"reason":"by hand","completed_by":"ada","completion_data":{"result":{"value":"36"}}}`, task, sdk.StepUUID(task, 0)))
	require.Contains(t, out, `"current_state":"complete"`)
	host.goOn()
	host.expect("cancelled")
	host.goOn()
	host.expect("completed E_STALE_TOKEN")
	host.goOn()
	host.expect("stopped")
	require.NoError(t, host.ended())
	count(t, db.Pool(t), 1, `select count(*) from tasker.workflow_steps where state = 'complete' and result = '{"value": "36"}'`)
}

func TestACompletionWhilePostgreSQLIsDownIsDeliveredOnceItIsBack(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	db := cluster.NewDB(t)
	pool := db.Pool(t)
	host := serve(t, nil, "serve", settings(t, db.DSN(), nil), "1")
	host.expect("ready")
	host.goOn()
	createTask(t, db.DSN())
	host.expect("polled")
	cluster.StopImmediate(t)
	host.goOn()
	host.expect("completed OK")
	cluster.Start(t)
	host.goOn()
	require.Contains(t, host.expect("stopped OK"), `"completed":1`)
	require.NoError(t, host.ended())
	count(t, pool, 1, completeSteps)
	var crashes int
	require.NoError(t, pool.QueryRow(t.Context(), `select sum(crashes) from tasker.workflow_steps`).Scan(&crashes))
	require.Zero(t, crashes, "no attempt was lost")
}

func TestAKilledHostsStepRunsAgainOnceItsLeaseHasEnded(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	first := serve(t, nil, "serve", settings(t, db.DSN(), map[string]any{"worker.lease_ms": 5000}), "1")
	first.expect("ready")
	first.goOn()
	createTask(t, db.DSN())
	first.expect("polled")
	require.NoError(t, first.cmd.Process.Kill())
	_ = first.ended()
	out := run(t, patience, nil, build(t, ""), "serve", settings(t, db.DSN(), nil), "4")
	require.Contains(t, out, "stopped OK")
	count(t, db.Pool(t), 4, completeSteps)
	require.Equal(t, 5, db.Count(t, attempts), "one attempt was lost with its host")
}

func TestSIGTERMFinishesWhatIsUnderWayAndLeavesNoLease(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	host := serve(t, nil, "serve", settings(t, db.DSN(), nil), "0")
	host.expect("ready")
	host.goOn()
	createTask(t, db.DSN())
	host.expect("polled")
	require.NoError(t, host.cmd.Process.Signal(syscall.SIGTERM))
	host.goOn()
	host.expect("completed OK")
	host.goOn()
	host.expect("stopped OK")
	require.NoError(t, host.ended(), "exit code 0")
	require.Equal(t, 1, db.Count(t, completeSteps))
	require.Zero(t, db.Count(t, runningSteps))
	require.Equal(t, 1, db.Count(t, `select count(*) from tasker.ready_steps`), "the next step is there for others")
}

func TestForkingLeavesTheDatabaseSessionsAlone(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	host := serve(t, nil, "fork_database", settings(t, db.DSN(), nil))
	host.expect("ready")
	const sessions = `select coalesce(string_agg(pid::text, ',' order by pid), '') from pg_stat_activity where datname = current_database() and application_name like 'tasker ffi%'`
	var before, after string
	require.NoError(t, db.Pool(t).QueryRow(t.Context(), sessions).Scan(&before))
	require.NotEmpty(t, before)
	host.goOn()
	host.expect("forked")
	require.NoError(t, db.Pool(t).QueryRow(t.Context(), sessions).Scan(&after))
	for _, pid := range strings.Split(before, ",") {
		require.Contains(t, strings.Split(after, ","), pid, "a session was lost")
	}
	host.goOn()
	require.NoError(t, host.ended())
}

func TestADatabaseURLSetAfterLoadReachesTheCore(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	templates := "TASKER_TEMPLATE_PATH=" + filepath.Join(root(t), "examples/templates/linear.yaml")
	host := serve(t, []string{"DATABASE_URL=postgres://nobody@127.0.0.1:1/none", "DRIVER_DATABASE_URL=" + db.DSN(), templates}, "serve", `{"handlers":["math.square"]}`, "1")
	host.expect("ready")
	require.Equal(t, 1, db.Count(t, `select count(*) from tasker.workers where stopped_at is null`))
	require.NoError(t, host.cmd.Process.Kill())
}

func TestLivesOfAWorkerOverPostgreSQLAreFlat(t *testing.T) {
	t.Parallel()
	requireFlat(t, restarts(t, "40"), 16384)
}

// restarts plays lives of a worker over PostgreSQL.
func restarts(t *testing.T, n string) map[string]float64 {
	db := testdb.New(t)
	var doc struct{ Settings map[string]any }
	require.NoError(t, json.Unmarshal([]byte(settings(t, db.DSN(), nil)), &doc))
	inner, err := json.Marshal(doc.Settings)
	require.NoError(t, err)
	out := run(t, time.Hour, nil, build(t, ""), "restart", n, strings.Trim(string(inner), "{}"))
	t.Log(strings.TrimSpace(out))
	require.Equal(t, 0, db.Count(t, `select count(*) from tasker.workers where stopped_at is null`), "each life ended its lease")
	return figures(out)
}
