package config

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// writeFile makes a TOML file and returns its absolute path.
func writeFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tasker.toml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// inEmptyDir keeps a ./config of the working directory out of the test.
func inEmptyDir(t testing.TB, o Options) Options {
	t.Helper()
	o.Dir = t.TempDir()
	return o
}

// folder makes a working directory with the given files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	return dir
}

// loadText loads one file and returns its only problem.
func loadText(t testing.TB, text string, environ ...string) Problem {
	t.Helper()
	dir := folder(t, map[string]string{"tasker.toml": text})
	c, origins, err := Load(Options{Dir: dir, Files: []string{"tasker.toml"}, Environ: environ})
	var all *Error
	require.ErrorAs(t, err, &all)
	require.Nil(t, c)
	require.Nil(t, origins)
	require.Len(t, all.Problems, 1, "%v", err)
	return all.Problems[0]
}

func requireProblem(t testing.TB, p Problem, line, column int, key, text string) {
	t.Helper()
	require.Contains(t, p.Where+" ", fmt.Sprintf("tasker.toml:%d:%d ", line, column))
	require.Equal(t, key, p.Key)
	require.Contains(t, p.Text, text)
}

func TestNothingIsNeeded(t *testing.T) {
	t.Parallel()
	c, origins, err := Load(inEmptyDir(t, Options{}))
	require.NoError(t, err)
	require.Equal(t, Default(), c)
	require.Equal(t, "default", origins.Of("worker.lease_ms"))
}

func TestTheSeedsExampleLoads(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"config/tasker/base/worker.toml": `
[worker.mpsc_channels.handler_dispatch]
dispatch_buffer_size = 1001
completion_buffer_size = 1002
max_concurrent_handlers = 13
handler_timeout_ms = 30004
[worker.mpsc_channels.ffi_dispatch]
dispatch_buffer_size = 1005
completion_timeout_ms = 30006
starvation_warning_threshold_ms = 10007
`})
	c, origins, err := Load(Options{Dir: dir})
	require.NoError(t, err)
	require.Equal(t, HandlerDispatch{
		DispatchBufferSize:    1001,
		CompletionBufferSize:  1002,
		MaxConcurrentHandlers: 13,
		HandlerTimeout:        30004 * time.Millisecond,
	}, c.Worker.MpscChannels.HandlerDispatch)
	require.Equal(t, 1005, c.Worker.MpscChannels.FfiDispatch.DispatchBufferSize)
	require.Equal(t, 30006*time.Millisecond, c.Worker.MpscChannels.FfiDispatch.CompletionTimeout)
	require.Equal(t, 10007*time.Millisecond, c.Worker.MpscChannels.FfiDispatch.StarvationWarningThreshold)
	require.Equal(t, filepath.Join("config", "tasker", "base", "worker.toml")+":5:1",
		origins.Of("worker.mpsc_channels.handler_dispatch.max_concurrent_handlers"))
}

// Each layer sets lease_ms; leaving out the highest shows the next one.
func TestHigherLayersWin(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"config/tasker/base/a.toml":                 "worker.lease_ms = 1001",
		"config/tasker/base/b.toml":                 "worker.lease_ms = 1002",
		"config/tasker/base/notes.txt":              "not TOML",
		"config/tasker/environments/test/over.toml": "worker.lease_ms = 1003",
		"config/tasker/environments/live/over.toml": "worker.lease_ms = 9999",
		"first.toml":  "worker.lease_ms = 1004",
		"second.toml": "worker.lease_ms = 1005",
	})
	slash := filepath.FromSlash
	for _, tt := range []struct {
		name   string
		o      Options
		ms     int
		origin string
	}{
		{"the last base file", Options{}, 1002, slash("config/tasker/base/b.toml:1:8")},
		{"the environment's file", Options{Environ: []string{"TASKER_ENV=test"}}, 1003, slash("config/tasker/environments/test/over.toml:1:8")},
		{"the last file given", Options{Files: []string{"first.toml", "second.toml"}, Environ: []string{"TASKER_ENV=test"}}, 1005, "second.toml:1:8"},
		{"a variable", Options{Files: []string{"first.toml"}, Environ: []string{"TASKER__WORKER__LEASE_MS=1006"}}, 1006, "TASKER__WORKER__LEASE_MS"},
		{"the last flag", Options{Environ: []string{"TASKER__WORKER__LEASE_MS=1006"}, Overrides: []Override{
			{"worker.lease_ms", "1007", "--lease"}, {"worker.lease_ms", "1008", "--set"},
		}}, 1008, "--set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.o.Dir = dir
			c, origins, err := Load(tt.o)
			require.NoError(t, err)
			require.Equal(t, time.Duration(tt.ms)*time.Millisecond, c.Worker.Lease)
			require.Equal(t, tt.origin, origins.Of("worker.lease_ms"))
		})
	}
}

func TestTheEnvironmentSelectsTheOverlayWhicheverLayerNamesIt(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"config/tasker/base/common.toml":             `environment = "fromfile"`,
		"config/tasker/environments/fromfile/a.toml": `web.bind_address = "127.0.0.1:1"`,
		"config/tasker/environments/fromenv/a.toml":  `web.bind_address = "127.0.0.1:2"`,
		"config/tasker/environments/fromflag/a.toml": `web.bind_address = "127.0.0.1:3"`,
	}
	dir := folder(t, files)
	o := Options{Dir: dir}
	load := func() string {
		t.Helper()
		c, _, err := Load(o)
		require.NoError(t, err)
		return c.Environment + " " + c.Web.BindAddress
	}
	require.Equal(t, "fromfile 127.0.0.1:1", load())
	o.Environ = []string{"TASKER_ENV=fromenv"}
	require.Equal(t, "fromenv 127.0.0.1:2", load())
	o.Overrides = []Override{{"environment", "fromflag", "--env"}}
	require.Equal(t, "fromflag 127.0.0.1:3", load())
}

func TestTheEnvironmentCannotLeaveItsFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"config/tasker/base/a.toml": "", "secrets/a.toml": "worker.lease_ms = 777"})
	_, _, err := Load(Options{Dir: dir, Environ: []string{"TASKER_ENV=../../../secrets"}})
	require.EqualError(t, err, "configuration: TASKER_ENV: environment names a folder; use letters, digits, - and _")
}

func TestAnOverlayCannotClaimAnotherEnvironment(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"config/tasker/base/a.toml":              "",
		"config/tasker/environments/test/a.toml": `environment = "live"`,
	})
	_, _, err := Load(Options{Dir: dir, Environ: []string{"TASKER_ENV=test"}})
	require.ErrorContains(t, err, filepath.FromSlash("environments/test/a.toml:1:1"))
	require.ErrorContains(t, err, `the files of environment test cannot set environment`)
}

func TestConfigPathNamesAFolderOrAFile(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"upstream/tasker/base/a.toml": "worker.lease_ms = 1001",
		"flat/base/a.toml":            "worker.lease_ms = 1002",
		"merged.toml":                 "worker.lease_ms = 1003",
		"empty/readme":                "",
	})
	for path, want := range map[string]time.Duration{
		"upstream":                          1001,
		"flat":                              1002,
		"merged.toml":                       1003,
		filepath.Join(dir, "flat"):          1002,
		filepath.Join("upstream", "tasker"): 1001,
	} {
		c, _, err := Load(Options{Dir: dir, Environ: []string{"TASKER_CONFIG_PATH=" + path}})
		require.NoError(t, err)
		require.Equal(t, want*time.Millisecond, c.Worker.Lease, path)
	}
	for path, text := range map[string]string{
		"missing": "TASKER_CONFIG_PATH: cannot read missing: no such file or directory",
		"empty":   "TASKER_CONFIG_PATH: empty holds neither tasker/base/*.toml nor base/*.toml",
	} {
		_, _, err := Load(Options{Dir: dir, Environ: []string{"TASKER_CONFIG_PATH=" + path}})
		require.ErrorContains(t, err, text)
	}
}

func TestAllProblemsAreReportedAtOnceWithTheirPlaces(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"config/tasker/base/broken.toml": "[worker]\nlease_ms = ",
		"config/tasker/base/worker.toml": "[worker]\nlease_mss = 1\nlease_ms = \"15s\"\n  namespaces = 0\n",
	})
	_, _, err := Load(Options{
		Dir:       dir,
		Files:     []string{"nowhere.toml"},
		Environ:   []string{"TASKER__WORKER__POLL_INTERVAL_MS=soon", "TASKER__WORKER__LEASE=1"},
		Overrides: []Override{{"worker.namspaces", "a", "--set"}},
	})
	base := filepath.FromSlash("config/tasker/base/")
	require.EqualError(t, err, `configuration: 8 problems
  `+base+`broken.toml:2:11: expected value, not end of input
  `+base+`worker.toml:2:1: unknown key worker.lease_mss; did you mean worker.lease_ms?
  nowhere.toml: cannot read the file: no such file or directory
  TASKER__WORKER__LEASE: unknown key worker.lease; did you mean worker.lease_ms?
  --set: unknown key worker.namspaces; did you mean worker.namespaces?
  `+base+`worker.toml:3:1: worker.lease_ms = "15s": want a whole number of milliseconds, at least 500
  `+base+`worker.toml:4:3: worker.namespaces = 0: want a list of strings, none empty
  TASKER__WORKER__POLL_INTERVAL_MS: worker.poll_interval_ms = "soon": want a whole number of milliseconds, at least 10`)
}

func TestAFileForAnotherProgramDoesNotFillTheScreen(t *testing.T) {
	t.Parallel()
	text := ""
	for i := range 100 {
		text += fmt.Sprintf("alien%d = 1\n", i)
	}
	_, _, err := Load(Options{Dir: folder(t, map[string]string{"a.toml": text}), Files: []string{"a.toml"}})
	require.ErrorContains(t, err, "configuration: 100 problems")
	require.ErrorContains(t, err, "a.toml:25:1:")
	require.ErrorContains(t, err, "… and 75 more")
	require.NotContains(t, err.Error(), "a.toml:26:1:")
}

func TestUnknownKeysComeWithAHint(t *testing.T) {
	t.Parallel()
	for text, hint := range map[string]string{
		"[worker]\nlease_mss = 1":                   "2:1 did you mean worker.lease_ms?",
		"[worker]\nhandler_timeout_ms = 1":          "2:1 did you mean worker.mpsc_channels.handler_dispatch.handler_timeout_ms?",
		"max_concurrent_handlers = 1":               "1:1 did you mean worker.mpsc_channels.handler_dispatch.max_concurrent_handlers?",
		"[worker.mpsc_channel.ffi_dispatch]\na = 1": "1:9 did you mean worker.mpsc_channels?",
		"[databse]\nurl = 'x'":                      "1:2 did you mean database?",
		"a = { b = 1 }":                             `1:1 "tasker config reference" lists all keys`,
		"database = { pool = { mx = 1 } }":          `1:23 "tasker config reference" lists all keys`,
		"\"worker.lease_ms\" = 1":                   "1:1 unknown key \"worker.lease_ms\"",
		"database = 1":                              "1:1 database is a table, not a value; write [database] and its keys below",
		"[[worker]]\nlease_ms = 1":                  "1:3 worker is a table, not a value",
		"[grpc]":                                    `1:2 unknown key grpc; "tasker config reference" lists all keys`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			p := loadText(t, text)
			var line, column int
			_, err := fmt.Sscanf(hint, "%d:%d", &line, &column)
			require.NoError(t, err)
			requireProblem(t, p, line, column, p.Key, hint[len(fmt.Sprintf("%d:%d ", line, column)):])
		})
	}
}

func TestRulesBetweenKeys(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[database.pool]\nmax_connections = 3\nmin_connections = 4": "min_connections (4) is larger than max_connections (3)",
		"[database.pool]\nmin_connections = 26":                     "min_connections (26) is larger than max_connections (25); set both",
		`database.url = "mysql://root@localhost/x"`:                 "not a PostgreSQL connection string",
		`database.url = "localhost"`:                                "not a PostgreSQL connection string",
		`web.bind_address = "8080"`:                                 "not HOST:PORT",
		`web.bind_address = "127.0.0.1:http"`:                       "not HOST:PORT",
		`web.bind_address = ":8080"`:                                "can be reached from other machines",
		`web.bind_address = "0.0.0.0:8080"`:                         "can be reached from other machines",
		`web.bind_address = "[::]:8080"`:                            "can be reached from other machines",
		`web.bind_address = "tasker.example:8080"`:                  "can be reached from other machines",
		"environment = \"a/b\"":                                     "environment names a folder",
	} {
		p := loadText(t, text)
		require.Contains(t, p.Text, want, text)
		require.Contains(t, p.Where, "tasker.toml:", text)
	}
	for _, text := range []string{
		`web.bind_address = "[::1]:8080"`,
		`web.bind_address = "localhost:8080"`,
		"web.bind_address = \"0.0.0.0:8080\"\nweb.insecure_allow_unauthenticated = true",
		"web.bind_address = \"0.0.0.0:8080\"\nweb.enabled = false",
		`database.url = "host=/run/postgresql dbname=orders"`,
		`database.url = "postgresql://localhost/orders"`,
	} {
		_, _, err := Load(inEmptyDir(t, Options{Files: []string{writeFile(t, text)}}))
		require.NoError(t, err, text)
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	load := func(environ ...string) *Config {
		c, _, err := Load(inEmptyDir(t, Options{Environ: environ}))
		require.NoError(t, err)
		return c
	}
	require.Equal(t, "b", load("TASKER_INSTANCE_ID=a", "TASKER_WORKER_ID=b").Worker.ID)
	require.Equal(t, "c", load("TASKER__WORKER__WORKER_ID=c", "TASKER_WORKER_ID=b").Worker.ID)
	require.Equal(t, "a", load("TASKER_INSTANCE_ID=a", "TASKER_WORKER_ID=").Worker.ID, "an empty variable is not set")
	require.Equal(t, "z", load("TASKER_WORKER_ID=y", "TASKER_WORKER_ID=z").Worker.ID, "the last of a name counts")
	require.Equal(t, []string{"a", "b c"}, load("TASKER_TEMPLATE_PATH= a,b c ,").TaskTemplates.SearchPaths)
	require.Equal(t, "debug", load("TASKER_LOG=DEBUG").Telemetry.LogLevel)
	require.Equal(t, "warn", load("RUST_LOG=sqlx=error,warn,hyper=off").Telemetry.LogLevel)
	require.Equal(t, "info", load("RUST_LOG=polars=debug").Telemetry.LogLevel, "a level for another program's module is not ours")
	require.Equal(t, "error", load("RUST_LOG=debug", "TASKER_LOG=error").Telemetry.LogLevel)
	require.Equal(t, Default(), load("TASKER_UNRELATED=1", "malformed", "="))
}

func TestParseSet(t *testing.T) {
	t.Parallel()
	o, err := ParseSet("database.url=host=db user=me")
	require.NoError(t, err)
	require.Equal(t, Override{Key: "database.url", Value: "host=db user=me", Origin: "--set"}, o)
	_, err = ParseSet("worker.lease_ms")
	require.EqualError(t, err, "--set worker.lease_ms: want KEY=VALUE, such as worker.lease_ms=5000")
}
