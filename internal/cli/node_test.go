package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const napTemplate = `
name: nap
namespace_name: test
version: 1.0.0
steps:
  - name: rest
    handler: {callable: sleep}
    retry: {max_attempts: 3}
`

const stuckTemplate = `
name: stuck
namespace_name: test
version: 1.0.0
steps:
  - name: stay
    handler: {callable: hang}
`

// url is where a process that says it is ready serves.
func url(t *testing.T, ready string) string {
	t.Helper()
	for field := range strings.FieldsSeq(ready) {
		if address, ok := strings.CutPrefix(field, "url="); ok {
			return address
		}
	}
	require.FailNow(t, "no url in: "+ready)
	return ""
}

func TestDevIsEverythingInOneProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("config/tasks/nap.yaml", napTemplate)
	w.write("own/mixed.yaml", mixedTemplate)
	dev := w.start("dev", "--builtin", "--bind", "127.0.0.1:0", "--slots", "3", "--templates", "config/tasks", "--templates", "own")
	ready := dev.stdout.await(t, "tasker dev ready")
	require.Contains(t, ready, " slots=3 lease=15s handlers=big,echo,effect,exit9,fail_n,hang,noop,nul,sleep")
	require.Equal(t, "TEMPLATE          STEPS  DESCRIPTION\ntest/mixed@1.0.0  2\ntest/nap@1.0.0    1\n", w.must("template", "list", "--url", url(t, ready)))
	out := w.must("task", "create", "test/nap", "--input", `{"ms":1}`, "--wait", "--url", url(t, ready))
	require.Contains(t, out, `{"slept_ms":1}`)
	dev.signal(syscall.SIGTERM)
	require.Equal(t, 0, dev.wait())
}

func TestAGracefulStopLeavesNoLeaseBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("config/tasks/nap.yaml", napTemplate) // where templates are looked for unless told otherwise
	worker := w.start("worker", "--builtin", "--slots", "2", "--grace", "50ms")
	worker.stdout.await(t, "tasker worker ready")
	for range 4 {
		w.must("task", "create", "test/nap", "--input", `{"ms":60000}`)
	}
	require.Eventually(t, func() bool {
		return w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'in_progress'`) == 2
	}, patience, tick)
	worker.signal(syscall.SIGTERM)
	require.Equal(t, 0, worker.wait(), worker.stderr)
	require.Equal(t, 0, w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'in_progress'`))
	require.Equal(t, 4, w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'enqueued'`))
	require.Equal(t, 0, w.db.Count(t, `select count(*) from tasker.workers where stopped_at is null`))
}

func TestAHandlerThatRunsMayFinish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("template", "register", w.write("nap.yaml", napTemplate))
	worker := w.start("worker", "--builtin")
	worker.stdout.await(t, "tasker worker ready")
	w.must("task", "create", "test/nap", "--input", `{"ms":2500}`)
	require.Eventually(t, func() bool { // a test that is held up may come when it has finished
		return w.db.Count(t, `select count(*) from tasker.workflow_steps where state in ('in_progress', 'complete')`) == 1
	}, patience, tick)
	worker.signal(syscall.SIGINT)
	require.Equal(t, 0, worker.wait(), worker.stderr)
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.tasks where state = 'complete'`))
}

func TestASecondSignalEndsTheProcessThoughAHandlerHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("template", "register", w.write("stuck.yaml", stuckTemplate))
	worker := w.start("worker", "--builtin")
	worker.stdout.await(t, "tasker worker ready")
	w.must("task", "create", "test/stuck")
	require.Eventually(t, func() bool {
		return w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'in_progress'`) == 1
	}, patience, tick)
	worker.signal(syscall.SIGTERM)
	worker.stderr.await(t, "stopping")
	worker.signal(syscall.SIGTERM)
	worker.stderr.await(t, "ending at once")
	worker.signal(syscall.SIGTERM)
	require.Equal(t, 130, worker.wait())
}

func TestEffectsGoToTheDatabaseThatIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = append(w.env, "TASKER_EFFECTS_URL="+w.db.DSN())
	w.must("template", "register", w.write("effect.yaml", strings.NewReplacer("nap", "mark", "sleep", "effect").Replace(napTemplate)))
	worker := w.start("worker", "--builtin")
	worker.stdout.await(t, "tasker worker ready")
	w.must("task", "create", "test/mark", "--wait")
	require.Equal(t, 2, w.db.Count(t, `select count(*) from tasker_effects where step_name = 'rest' and attempt = 1`))
	worker.signal(syscall.SIGTERM)
	require.Equal(t, 0, worker.wait())
}

func TestAServerTellsOfItsCachedTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.start("server", "--bind", "127.0.0.1:0")
	r, err := http.Get(url(t, server.stdout.await(t, "tasker server ready")) + "/v1/templates?include_cache_stats=true")
	require.NoError(t, err)
	defer r.Body.Close()
	var list struct {
		CacheStats struct {
			TotalCached *int `json:"total_cached"`
		} `json:"cache_stats"`
	}
	require.NoError(t, json.NewDecoder(r.Body).Decode(&list))
	require.NotNil(t, list.CacheStats.TotalCached)
}

func TestAServerSaysWhyItCannotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taken := w.start("server", "--bind", "127.0.0.1:0")
	address := url(t, taken.stdout.await(t, "tasker server ready"))
	a := w.run("server", "--bind", strings.TrimPrefix(address, "http://"))
	require.Equal(t, 1, a.code)
	require.Contains(t, a.stderr, "address already in use")
	require.Contains(t, a.stderr, "web.bind_address")
	require.Empty(t, a.stdout)

	a = w.run("server", "--bind", "0.0.0.0:8080")
	require.Equal(t, 2, a.code)
	require.Contains(t, a.stderr, "--bind: web.bind_address can be reached from other machines")

	a = w.run("worker", "--builtin", "--templates", "nowhere")
	require.Equal(t, 1, a.code)
	require.Contains(t, a.stderr, "nowhere")
}

func TestTemplatesThatChangedNeedANewVersionOrForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.write("nap.yaml", napTemplate)
	w.must("template", "register", path)
	w.must("template", "register", path)
	w.write("nap.yaml", strings.Replace(napTemplate, "max_attempts: 3", "max_attempts: 4", 1))
	for _, args := range [][]string{{"template", "register", path}, {"server", "--bind", "127.0.0.1:0", "--templates", path}} {
		a := w.run(args...)
		require.Equal(t, 1, a.code)
		require.Contains(t, a.stderr, "tasker: template test/nap@1.0.0 is registered with other content")
		require.Contains(t, a.stderr, "--force")
	}
	require.Contains(t, w.must("template", "register", path, "--force"), "registered test/nap@1.0.0, 1 step\n")
}
