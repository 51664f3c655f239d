package cli_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMistakesInTheCommandLineExitWith2AndShowTheUsage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		args   []string
		stderr string
	}{
		"an unknown command":  {[]string{"frobnicate"}, "tasker: unknown command \"frobnicate\" for \"tasker\"\nUsage: tasker [flags]\n"},
		"an unknown flag":     {[]string{"demo", "--fast"}, "tasker: unknown flag: --fast\nUsage: tasker demo [flags]\n"},
		"a group alone":       {[]string{"task"}, "tasker: \"tasker task\" needs a command after it: create, get, list, steps, step, step-audit, cancel, watch, reset-step, resolve-step, complete-step, retry-from, run-now, pause, resume, resolve\nUsage: tasker task [flags]\n"},
		"a missing argument":  {[]string{"task", "get"}, "tasker: TASK is missing\nUsage: tasker task get TASK [flags]\n"},
		"an extra argument":   {[]string{"demo", "now"}, "tasker: argument \"now\" is one too many\nUsage: tasker demo [flags]\n"},
		"no file":             {[]string{"template", "validate"}, "tasker: FILE is missing\nUsage: tasker template validate FILE... [flags]\n"},
		"no UUID":             {[]string{"task", "get", "7"}, "tasker: \"7\" is not a task's UUID, such as 01932f7e-5b2a-7cc3-98c4-dc0c0c07398f; 'tasker task list' shows them\nUsage: tasker task get TASK [flags]\n"},
		"no template":         {[]string{"task", "create", "order"}, "tasker: \"order\" does not name a template; write NAMESPACE/NAME or NAMESPACE/NAME@VERSION, such as shop/order@1.0.0\nUsage: tasker task create NAMESPACE/NAME[@VERSION] [flags]\n"},
		"a format":            {[]string{"version", "-o", "xml"}, "tasker: invalid argument \"xml\" for \"-o, --output\" flag: must be text or json\nUsage: tasker version [flags]\n"},
		"a time without unit": {[]string{"dev", "--lease", "5"}, "tasker: invalid argument \"5\" for \"--lease\" flag: time: missing unit in duration \"5\"\nUsage: tasker dev [flags]\n"},
		"no address":          {[]string{"task", "list", "--url", "here"}, "tasker: --url or TASKER_URL: base URL \"here\" is not like http://127.0.0.1:8080\nUsage: tasker task list [flags]\n"},
		"a worker of nothing": {[]string{"worker"}, "tasker: this program has built-in handlers only: add --builtin, or write a worker of your own with sdk/worker\nUsage: tasker worker --builtin [flags]\n"},
		"two ways to wait":    {[]string{"task", "create", "a/b", "--wait", "--watch"}, "tasker: if any flags in the group [wait watch] are set none of the others can be; [wait watch] were all set\nUsage: tasker task create NAMESPACE/NAME[@VERSION] [flags]\n"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			a := newBareWorld(t).run(want.args...)
			require.Equal(t, 2, a.code)
			require.Equal(t, want.stderr, a.stderr)
			require.Empty(t, a.stdout)
		})
	}
}

func TestMistakesInTheConfigurationExitWith2(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t)
	for _, args := range [][]string{{"--lease", "100ms"}, {"--set", "worker.lease_ms=100"}} {
		a := w.run(append([]string{"dev"}, args...)...)
		require.Equal(t, 2, a.code)
		require.Contains(t, a.stderr, "tasker: configuration: "+args[0]+": worker.lease_ms = \"100\": want a whole number of milliseconds, at least 500")
	}
}

func TestConfigShowTellsWhereSettingsComeFrom(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t)
	w.env = append(w.env, "DATABASE_URL=postgres://me:hunter2@db/tasker")
	file := w.write("own.toml", "[worker]\nlease_ms = 7000\n")
	out := w.must("config", "show", "--origin", "--config", file, "--set", "web.enabled=false", "--log-level", "debug")
	require.Contains(t, out, "lease_ms = 7000 # "+file+":2:1\n")
	require.Contains(t, out, "enabled = false # --set\n")
	require.Contains(t, out, "log_level = \"debug\" # --log-level\n")
	require.Contains(t, out, "poll_interval_ms = 1000 # default\n")
	require.Contains(t, out, "url = \"***\" # DATABASE_URL\n")
	require.NotContains(t, out, "hunter2")
}

func TestTheConfigurationPageIsTheProgramsOwn(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/config.md")
	require.NoError(t, err)
	require.Equal(t, string(page), newBareWorld(t).must("config", "reference"), "run 'make config-reference'")
}

func TestVersionNamesTheProgram(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t)
	require.Regexp(t, `^tasker dev \(.*go1\.\d+.*, \w+/\w+\)\n$`, w.must("version"))
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.must("version", "--output", "json")), &v))
	require.Equal(t, "dev", v["version"])
	require.Regexp(t, `^go1\.`, v["go"])
}

func TestMigrateIsDoneOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, "the schema is up to date\n", w.must("migrate"))
	w.db.Exec(t, "drop schema tasker cascade")
	require.Contains(t, w.must("migrate"), "applied 0001_engine\n")
	require.Equal(t, "the schema is up to date\n", w.must("migrate"))
}

func TestCompletionIsOfferedForTheUsualShells(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, w.must("completion", shell), "tasker")
	}
	require.Contains(t, w.must("__complete", "task", "list", "--status", ""), "blocked_by_failures\n")
	require.Equal(t, ":4\n", w.must("__complete", "task", "create", ""), "completion starts no database")
	require.NoDirExists(t, w.dir+"/pg")
}

func TestTheDoctorFindsADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t)
	a := w.run("doctor", "--output", "json", "--database-url", "postgres://me:hunter2@127.0.0.1:1/tasker")
	require.Equal(t, 1, a.code)
	require.Empty(t, a.stderr)
	var found []struct{ Check, Status, Detail string }
	require.NoError(t, json.Unmarshal([]byte(a.stdout), &found))
	last := found[len(found)-1]
	require.Equal(t, "database", last.Check)
	require.Equal(t, "fail", last.Status)
	require.Contains(t, last.Detail, "127.0.0.1")
	require.NotContains(t, a.stdout, "hunter2")
}

func TestTheDoctorFindsNothingWrongWithAWorkerAtWork(t *testing.T) {
	t.Parallel()
	w := withWorker(t)
	out := w.must("doctor")
	require.Regexp(t, `\nok  connection  PostgreSQL `, out)
	require.Regexp(t, `\nok  tasks       0 tasks under way\n`, out)
	require.Regexp(t, `\nok  queue       empty\n`, out)
	require.Regexp(t, `\nok  workers     1 live, 10 slots, 0 busy\n`, out)
	require.Regexp(t, `\nok  clock       `, out)
}

func TestADatabaseOfAnotherProgramIsToldApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.Exec(t, "alter table tasker.handlers rename column offered_at to known_at")
	a := w.run("worker", "--builtin")
	require.Equal(t, 1, a.code)
	require.Contains(t, a.stderr, "\n  the tables of this database are not those that this program made; use ")
}
