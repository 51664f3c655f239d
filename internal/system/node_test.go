package system

import (
	"context"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/examples/math"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestANodeRunsTasksAndStopsWithoutALeaseLeft(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	p := startProcess(t, db, &WorkerOptions{Registry: mathHandlers()})
	p.registerExamples(t)
	var tasks []sdk.UUID
	for n := range 20 {
		tasks = append(tasks, p.square(t, 2*n))
	}
	for n, task := range tasks {
		p.requireRest(t, task, workflow.TaskComplete)
		results, err := p.System.Store.StepResults(t.Context(), task, []int32{3})
		require.NoError(t, err)
		var r math.Result
		require.NoError(t, json.Unmarshal(results[3], &r))
		require.Equal(t, new(big.Int).Exp(big.NewInt(int64(2*n)), big.NewInt(16), nil).String(), r.Value)
	}
	for range 2 {
		require.NoError(t, p.Stop(t.Context()))
		require.Zero(t, db.Count(t, "select count(*) from tasker.workflow_steps where state = 'in_progress'"))
		require.Zero(t, db.Count(t, "select count(*) from tasker.task_claims"))
		require.Equal(t, 1, db.Count(t, "select count(*) from tasker.workers where stopped_at is not null"))
	}
}

func TestAServerAloneQueuesWhatWorkersRun(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	server := startProcess(t, db, nil)
	require.Nil(t, server.Worker)
	server.registerExamples(t)
	early := server.square(t, 2)
	require.Equal(t, 1, db.Count(t, "select count(*) from tasker.ready_steps"))
	worker := startProcess(t, db, &WorkerOptions{Registry: mathHandlers(), Apart: true})
	server.requireRest(t, early, workflow.TaskComplete)
	late := server.square(t, 4) // the worker looks once an hour: it must hear of it
	server.requireRest(t, late, workflow.TaskComplete)
	require.NoError(t, worker.stop())
	require.NoError(t, server.stop())
	require.NoError(t, server.stop())
}

func TestResultsMayBeLeftForAServerToProcess(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	queued := func(c *config.Config) { c.Orchestration.Mode, c.Orchestration.TimerInterval = "queue", time.Hour }
	server := startProcess(t, db, nil, queued)
	server.registerExamples(t)
	worker := startProcess(t, db, &WorkerOptions{Registry: mathHandlers(), Apart: true}, queued)
	tasks := []sdk.UUID{server.square(t, 2), server.create(t, "examples_diamond", "diamond_pattern", 4), server.square(t, 6)}
	failing := server.square(t, 7)
	for _, task := range tasks {
		server.requireRest(t, task, workflow.TaskComplete)
	}
	server.requireRest(t, failing, workflow.TaskBlockedByFailures)
	require.NotZero(t, db.Count(t, `select count(*) from tasker.step_transitions where path = '{in_progress,enqueued_for_orchestration}'`))
	require.Zero(t, db.Count(t, `select count(*) from tasker.step_transitions where path = '{in_progress,enqueued_for_orchestration,complete}'`),
		"no worker decided")
	testkit.Eventually(t, func() bool { return db.Count(t, "select count(*) from tasker.step_results_queue") == 0 }, "results stay in the queue")
	require.NoError(t, worker.stop())
}

func TestAWorkerHearsOfCancelledTasksAndNewTemplates(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	handlers := sdk.NewRegistry()
	entered, told := make(chan sdk.UUID, 1), make(chan error, 1)
	handlers.RegisterFunc("slow", func(ctx context.Context, s *sdk.StepContext) (sdk.StepResult, error) {
		entered <- s.TaskUUID()
		<-ctx.Done()
		told <- context.Cause(ctx)
		return sdk.StepResult{}, context.Cause(ctx)
	})
	worker := startProcess(t, db, &WorkerOptions{Registry: handlers})
	testkit.Eventually(t, func() bool {
		return db.Count(t, "select count(*) from pg_stat_activity where datname = current_database() and query like 'listen %'") == 1
	}, "the worker does not listen")
	server := startProcess(t, db, nil)
	_, err := server.System.Catalog.Register(t.Context(), template.New("n", "t", "1.0.0",
		template.StepDefinition{Name: "a", Handler: template.HandlerDefinition{Callable: "slow"}}), false)
	require.NoError(t, err)
	task := server.create(t, "n", "t", 0)
	require.Equal(t, task, testkit.Receive(t, entered))
	_, err = server.System.Store.CancelTask(t.Context(), task, "me", "")
	require.NoError(t, err)
	require.ErrorIs(t, testkit.Receive(t, told), dispatch.ErrCancelled)
	require.NoError(t, worker.stop())
}

func TestANodeGoesOnAfterItsConnectionsWereCut(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	p := startProcess(t, db, &WorkerOptions{Registry: mathHandlers()}, func(c *config.Config) {
		c.Worker.PollInterval, c.Orchestration.TimerInterval = 20*time.Millisecond, 20*time.Millisecond
	})
	p.registerExamples(t)
	for n := range 5 {
		task := p.square(t, 2*n)
		db.Exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
			and (application_name = 'under test' or query like 'listen %')`)
		p.requireRest(t, task, workflow.TaskComplete)
	}
}

func TestAWorkerHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	require.Equal(t, "configured", workerName("configured"))
	require.NotEqual(t, workerName(""), workerName(""))
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Contains(t, workerName(""), host)
}

func TestTemplatesAreRegisteredFromFilesAllOrNone(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	p := startProcess(t, db, nil)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	const good = "name: good\nnamespace_name: n\nversion: 1.0.0\nsteps:\n  - name: a\n    handler: {callable: h}\n"
	write("good.yaml", good)
	write("cycle.yaml", "name: bad\nnamespace_name: n\nversion: 1.0.0\nsteps:\n  - name: a\n    handler: {callable: h}\n    dependencies: [a]\n")
	write("broken.yml", "name: [")
	_, err := RegisterTemplates(t.Context(), p.System, []string{dir}, false)
	var invalid *template.InvalidError
	require.ErrorAs(t, err, &invalid)
	files := map[string]bool{}
	for _, d := range invalid.Diagnostics {
		files[filepath.Base(d.File)] = true
	}
	require.Equal(t, map[string]bool{"cycle.yaml": true, "broken.yml": true}, files)
	require.Zero(t, db.Count(t, "select count(*) from tasker.task_templates"))

	require.NoError(t, os.Remove(filepath.Join(dir, "cycle.yaml")))
	require.NoError(t, os.Remove(filepath.Join(dir, "broken.yml")))
	registered, err := RegisterTemplates(t.Context(), p.System, []string{dir}, false)
	require.NoError(t, err)
	require.Len(t, registered, 1)
	require.Equal(t, "good", registered[0].Name)

	write("good.yaml", good+"  - name: b\n    handler: {callable: h}\n")
	_, err = RegisterTemplates(t.Context(), p.System, []string{dir}, false)
	var conflict *store.TemplateConflictError
	require.ErrorAs(t, err, &conflict)
	registered, err = RegisterTemplates(t.Context(), p.System, []string{dir}, true)
	require.NoError(t, err)
	require.Len(t, registered[0].Steps, 2)
	_, err = RegisterTemplates(t.Context(), p.System, []string{filepath.Join(dir, "nowhere")}, false)
	require.Error(t, err)
}
