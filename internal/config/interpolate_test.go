package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInterpolate(t *testing.T) {
	t.Parallel()
	env := map[string]string{"HOST": "db", "EMPTY": "", "NESTED": "${HOST}", "A1_b": "x"}
	for in, want := range map[string]string{
		"":                                "",
		"plain $HOST $ {HOST} } $$":       "plain $HOST $ {HOST} } $$",
		"${HOST}":                         "db",
		"a${HOST}b${A1_b}c":               "adbbxc",
		"${MISSING:-else}":                "else",
		"${MISSING:-}":                    "",
		"${EMPTY:-else}":                  "else",
		"${EMPTY}":                        "",
		"${HOST:-else}":                   "db",
		"${NESTED}":                       "${HOST}",
		"${MISSING:-postgres://a:b@c/d?}": "postgres://a:b@c/d?",
		"$${HOST}":                        "${HOST}",
		"$$${HOST}":                       "$${HOST}",
		"${MISSING:-a$b}${HOST}":          "a$bdb",
	} {
		got, _, err := interpolate(in, env)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for in, want := range map[string]string{
		"${MISSING}":  "environment variable MISSING is not set; set it, or give a default: ${MISSING:-value}",
		"x${":         `"${" starts with ${ but is not a reference; write ${NAME} or ${NAME:-default}, or $${ for a plain ${`,
		"${}":         "is not a reference",
		"${1A}":       "is not a reference",
		"${HOST-x}":   "is not a reference",
		"${HOST:-x":   "is not a reference",
		"${ HOST }":   "is not a reference",
		"${HOST:?no}": "is not a reference",
	} {
		_, _, err := interpolate(in, env)
		require.ErrorContains(t, err, want, in)
	}
}

func TestReferencesWorkInEveryString(t *testing.T) {
	t.Parallel()
	file := writeFile(t, `
database.url = "postgres://${USER}@${HOST:-localhost}/tasker"
worker.namespaces = ["${NS:-orders}", "plain"]
worker.lease_ms = "${LEASE:- 2000 }"
web.enabled = "${WEB:-false}"
task_templates.search_paths = "${PATHS}"
`)
	c, origins, err := Load(inEmptyDir(t, Options{Files: []string{file}, Environ: []string{"USER=me", "PATHS=a,b"}}))
	require.NoError(t, err)
	require.Equal(t, "postgres://me@localhost/tasker", c.Database.URL.Reveal())
	require.Equal(t, []string{"orders", "plain"}, c.Worker.Namespaces)
	require.EqualValues(t, 2000, c.Worker.Lease.Milliseconds())
	require.False(t, c.Web.Enabled)
	require.Equal(t, []string{"a", "b"}, c.TaskTemplates.SearchPaths)
	require.Equal(t, file+":2:10 from USER, HOST", origins.Of("database.url"))
}

func TestABrokenReferenceIsReportedWhereItStands(t *testing.T) {
	t.Parallel()
	requireProblem(t, loadText(t, "\n[worker]\n  worker_id = \"${HOSTNAME}\""), 3, 3, "worker.worker_id",
		"worker.worker_id: environment variable HOSTNAME is not set")
	requireProblem(t, loadText(t, `worker.namespaces = ["a", "${"]`), 1, 8, "worker.namespaces", "is not a reference")
}
