package cli_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

const mixedTemplate = `
name: mixed
namespace_name: test
version: 1.0.0
steps:
  - name: first
    handler: {callable: echo}
  - name: shaky
    handler: {callable: fail_n}
    dependencies: [first]
    retry: {max_attempts: 2, backoff_base_ms: 1}
`

// withWorker has a template of two steps, one of which fails as often as n says, and somebody to run it.
func withWorker(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.must("template", "register", w.write("mixed.yaml", mixedTemplate))
	worker := w.start("worker", "--builtin")
	worker.stdout.await(t, "tasker worker ready")
	return w
}

// create makes a task and returns its UUID.
func (w *world) create(args ...string) string {
	w.t.Helper()
	var task client.TaskResponse
	out := w.must(append([]string{"task", "create", "--output", "json"}, args...)...)
	require.NoError(w.t, json.Unmarshal([]byte(out), &task))
	return task.TaskUUID.String()
}

var (
	timeSpan = regexp.MustCompile(`\d+\.\d\ds`)
	anyUUID  = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	instant  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
)

// normal takes out what differs from run to run.
func normal(text string) string {
	text = anyUUID.ReplaceAllString(timeSpan.ReplaceAllString(text, "0.00s"), "UUID")
	return instant.ReplaceAllString(text, "TIME")
}

func TestATaskIsShownAsItWent(t *testing.T) {
	t.Parallel()
	w := withWorker(t)
	id := w.create("test/mixed", "--wait", "--input", `{"n":1}`, "--tag", "blue", "--reason", "to see")
	require.Equal(t, `  +0.00s  task   pending            test/mixed@1.0.0  UUID
  +0.00s  first  complete           took 0.00s
  +0.00s  shaky  complete           took 0.00s
  +0.00s  task   complete           2 of 2 steps
`, normal(w.must("task", "watch", id)))
	require.Equal(t, `task         UUID
template     test/mixed@1.0.0
status       complete
steps        2 of 2 complete, 0 in progress, 0 failed
created      TIME
completed    TIME, after 0.00s
initiator    tasker-cli
reason       to see
tags         blue
correlation  UUID
context      {"n":1}

STEP   STATE     ATTEMPTS  TOOK   RESULT
first  complete  1/3       0.00s  {"n":1}
shaky  complete  2/2       0.00s  {"attempt":2}
`, normal(w.must("task", "get", id)))
	require.Equal(t, `STEP   STATE     ATTEMPTS  TOOK   RESULT
first  complete  1/3       0.00s  {"n":1}
shaky  complete  2/2       0.00s  {"attempt":2}
`, normal(w.must("task", "steps", id)))
	list := strings.Split(w.must("task", "list"), "\n")
	require.Regexp(t, `^TASK +STATUS    STEPS  CREATED              TEMPLATE$`, list[0])
	require.Regexp(t, `^`+id+`  complete  2/2    \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  test/mixed@1.0.0$`, list[1])
	require.Equal(t, "no tasks (0 in all)\n", w.must("task", "list", "--namespace", "other"))
	require.Equal(t, "no tasks (0 in all)\n", w.must("task", "list", "--until", "2000-01-31"))
	require.Equal(t, list, strings.Split(w.must("task", "list", "--since", "2000-01-31T12:00:00Z"), "\n"))
}

func TestATaskThatIsBlockedFailsTheCommand(t *testing.T) {
	t.Parallel()
	w := withWorker(t)
	a := w.run("task", "create", "test/mixed", "--input", `{"n":9}`, "--watch")
	require.Equal(t, 1, a.code)
	require.Regexp(t, `shaky  error              attempt 2 of 2 failed: attempt 2 fails, as the first 9 shall\n`, a.stdout)
	require.Regexp(t, `^tasker: task [0-9a-f-]{36} is blocked: 1 step failed for good\n$`, a.stderr)

	a = w.run("task", "create", "test/mixed", "--input", `{"n":9}`, "--wait", "--output", "json")
	require.Equal(t, 1, a.code)
	var task client.TaskResponse
	require.NoError(t, json.Unmarshal([]byte(a.stdout), &task))
	require.Equal(t, client.StatusBlockedByFailures, task.Status)

	require.Equal(t, "task UUID is cancelled\n", normal(w.must("task", "cancel", task.TaskUUID.String())))
	a = w.run("task", "cancel", task.TaskUUID.String())
	require.Equal(t, 1, a.code)
	require.Equal(t, "tasker: task UUID cannot be cancelled: it is cancelled already\n", normal(a.stderr))
	a = w.run("task", "watch", task.TaskUUID.String())
	require.Equal(t, 1, a.code)
	require.Equal(t, "tasker: task UUID ended as cancelled\n", normal(a.stderr))
}

func TestTheSameKeyFindsTheSameTask(t *testing.T) {
	t.Parallel()
	w := withWorker(t)
	require.Equal(t, w.create("test/mixed", "--key", "a"), w.create("test/mixed@1.0.0", "--key", "a"))
	require.NotEqual(t, w.create("test/mixed"), w.create("test/mixed"))
}

func TestInputComesFromTheCommandLineAFileOrStandardInput(t *testing.T) {
	t.Parallel()
	w := withWorker(t)
	path := w.write("order.json", "{\n  \"n\": 0, \"from\": \"file\"\n}\n")
	require.Contains(t, w.must("task", "create", "test/mixed", "-i", "@"+path, "--wait"), `{"n":0,"from":"file"}`)
	a := w.feed(`{"n":0,"from":"stdin"}`, "task", "create", "test/mixed", "--input", "-", "--wait")
	require.Contains(t, a.stdout, `{"n":0,"from":"stdin"}`)
	for input, complaint := range map[string]string{
		"{":        "tasker: the task's context from --input is not JSON: unexpected end of JSON input\n",
		"@nothing": "tasker: read the task's context from nothing: open nothing: no such file or directory\n",
	} {
		a := w.run("task", "create", "test/mixed", "--input", input)
		require.Equal(t, 2, a.code)
		require.Equal(t, complaint+"Usage: tasker task create NAMESPACE/NAME[@VERSION] [flags]\n", a.stderr)
	}
}

func TestATaskThatTakesTooLongIsLeftToItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("template", "register", w.write("mixed.yaml", mixedTemplate))
	for _, follow := range []string{"--wait", "--watch"} {
		a := w.run("task", "create", "test/mixed", follow, "--timeout", "200ms")
		require.Equal(t, 3, a.code, follow)
		require.Regexp(t, `^tasker: the time of --timeout is up; task UUID goes on; follow it with '\S+ task watch UUID', or ask '\S+ doctor' what it waits for\n$`, normal(a.stderr))
	}
	id := w.create("test/mixed")
	watch := w.start("task", "watch", id)
	watch.stdout.await(t, "pending")
	watch.signal(syscall.SIGINT)
	require.Equal(t, 130, watch.wait())
	require.Contains(t, watch.stderr.String(), "tasker: interrupted; task "+id+" goes on")

	require.Regexp(t, `\nwarn  queue       3 steps for echo in test, the oldest for \d+\.\d\ds: no .*worker .*\n`, w.must("doctor"))
}

func TestAServerAnswersAsTheDatabaseDoes(t *testing.T) {
	t.Parallel()
	w := withWorker(t)
	id := w.create("test/mixed", "--wait")
	server := w.start("server", "--bind", "127.0.0.1:0")
	address := url(t, server.stdout.await(t, "tasker server ready"))
	for _, args := range [][]string{
		{"task", "get", id}, {"task", "steps", id}, {"task", "list"}, {"template", "list"}, {"task", "watch", id},
	} {
		args = append(args, "--output", "json")
		require.Equal(t, w.must(args...), w.must(append(args, "--url", address)...))
	}
	named := *w
	named.env = append([]string{"TASKER_URL=" + address}, w.env...)
	unknown := sdk.NewUUID().String()
	require.Equal(t, "tasker: there is no task "+unknown+"\n", named.run("task", "get", unknown).stderr)
	server.signal(syscall.SIGTERM)
	require.Equal(t, 0, server.wait())
	a := named.run("task", "get", unknown)
	require.Equal(t, 1, a.code)
	require.Contains(t, a.stderr, "connection refused")
	require.Contains(t, a.stderr, "\n  is the server running? Start one with 'tasker server', or leave out --url and TASKER_URL")
}

func TestATemplateThatIsNotThereIsToldWithThoseThatAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Contains(t, w.run("task", "create", "test/mixed").stderr, `tasker: there is no template in namespace "test"; 'tasker template list'`)
	w.must("template", "register", w.write("mixed.yaml", mixedTemplate))
	require.Equal(t, "tasker: there is no template test/mixt; namespace test has mixed\n", w.run("task", "create", "test/mixt").stderr)
	require.Contains(t, w.run("task", "create", "test/mixed@2.0.0").stderr, "tasker: there is no template test/mixed/2.0.0")

	w.must("template", "register", w.write("mixed.yaml", strings.Replace(mixedTemplate, "1.0.0", "1.10.0", 1)))
	w.must("template", "register", w.write("mixed.yaml", strings.Replace(mixedTemplate, "1.0.0", "1.9.0", 1)))
	require.Contains(t, w.must("task", "get", w.create("test/mixed")), "test/mixed@1.10.0")
	require.Equal(t, "test/mixed@1.0.0\ntest/mixed@1.10.0\ntest/mixed@1.9.0\n:4\n", w.run("__complete", "task", "create", "").stdout)
}
