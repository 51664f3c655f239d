package cli_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMigrateSwitchesTheTransportOfADatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const inUse = "select tasker.pgmq_in_use()::int"
	require.Zero(t, w.db.Count(t, inUse))
	for range 2 {
		require.Contains(t, w.must("migrate", "--transport", "pgmq"), "the transport is pgmq\n")
		require.Equal(t, 1, w.db.Count(t, inUse))
	}
	require.NotContains(t, w.must("migrate"), "transport")
	require.Equal(t, 1, w.db.Count(t, inUse), "what is not asked for stays")
	require.Empty(t, w.run("task", "list").stderr)
	warned := w.start("server", "--bind", "127.0.0.1:0")
	warned.stderr.await(t, "tasker migrate --transport postgres")
	for range 2 {
		require.Contains(t, w.must("migrate", "--transport", "postgres"), "the transport is postgres\n")
		require.Zero(t, w.db.Count(t, inUse))
	}
	unknown := w.run("migrate", "--transport", "pigeon")
	require.Equal(t, 2, unknown.code)
	require.Contains(t, unknown.stderr, "queues.backend")
}

func TestATaskRunsToItsEndByMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = append(w.env, "TASKER_MESSAGING_BACKEND=pgmq")
	w.write("t.yaml", "name: t\nnamespace_name: n\nversion: 1.0.0\nsteps:\n  - name: a\n    handler: {callable: noop}\n  - name: b\n    handler: {callable: echo}\n    dependencies: [a]\n")
	w.must("template", "register", "t.yaml")
	server := w.start("server", "--bind", "127.0.0.1:0")
	server.stdout.await(t, "ready")
	worker := w.start("worker", "--builtin")
	worker.stdout.await(t, "ready")
	require.Contains(t, w.must("task", "create", "n/t", "--wait"), "complete")
	require.Equal(t, 1, w.db.Count(t, "select total_messages from pgmq.metrics('worker_n_queue')"), "the second step is handed on")
	require.Zero(t, w.db.Count(t, "select queue_length from pgmq.metrics('worker_n_queue')"))
}
