package testdb

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/embedpg"
)

// Cluster is a durable PostgreSQL server of one test, which may break it.
type Cluster struct {
	server    *embedpg.Server
	databases atomic.Int64
}

// NewCluster creates and starts a server, which takes a second or two, and removes it when the test ends. Options start
// from durable defaults.
func NewCluster(t testing.TB, options ...func(*embedpg.Options)) *Cluster {
	t.Helper()
	// Not t.TempDir: that is closed to the user whom root runs PostgreSQL as, and its path is long.
	dir, err := os.MkdirTemp("", "tasker-cluster-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o711))

	o := embedpg.Options{DataDir: filepath.Join(dir, "pg"), Logger: slog.New(slog.DiscardHandler)}
	for _, option := range options {
		option(&o)
	}
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	server, err := embedpg.Open(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return &Cluster{server: server}
}

// NewDB creates a database with the current schema. It lives as long as the cluster.
func (c *Cluster) NewDB(t testing.TB) *DB {
	t.Helper()
	name := fmt.Sprintf("test_%d", c.databases.Add(1))
	c.do(t, func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), "create database "+name)
		require.NoError(t, err)
	})
	require.NoError(t, storeSchema.migrate(t.Context(), c.server.DSN(name)))
	return newDB(t, c.server.DSN(name))
}

// Server returns the private server behind the cluster.
func (c *Cluster) Server() *embedpg.Server { return c.server }

// DSN returns what connects to a database of the cluster.
func (c *Cluster) DSN(database string) string { return c.server.DSN(database) }

// StopImmediate stops the server without a shutdown, as a crash would, and returns once it is down.
func (c *Cluster) StopImmediate(t testing.TB) {
	t.Helper()
	pid := c.server.PostmasterPID()
	require.NotZero(t, pid, "the server is down already")
	require.NoError(t, syscall.Kill(pid, syscall.SIGQUIT))
	require.Eventually(t, func() bool { return c.server.PostmasterPID() == 0 }, 30*time.Second, 5*time.Millisecond, "the server does not stop")
}

// Start starts the server after a stop, and returns once it has recovered and accepts connections.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	require.NoError(t, c.server.Start(ctx))
}

// TerminateBackends ends all connections as an administrator would; the server stays up.
func (c *Cluster) TerminateBackends(t testing.TB) {
	t.Helper()
	c.do(t, func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where "+otherClients)
		require.NoError(t, err)
	})
}

// KillBackends kills the processes behind all connections with SIGKILL, and returns how many. If there was any, the whole
// server goes through crash recovery, in which it turns connections away.
func (c *Cluster) KillBackends(t testing.TB) (killed int) {
	t.Helper()
	c.do(t, func(conn *pgx.Conn) {
		rows, _ := conn.Query(t.Context(), "select pid from pg_stat_activity where "+otherClients) // its error surfaces below
		pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
		require.NoError(t, err)
		for _, pid := range pids {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		killed = len(pids)
	})
	return killed
}

const otherClients = "backend_type = 'client backend' and pid <> pg_backend_pid()"

// do runs an operator's statements on a connection of their own. A server that recovers at the moment is waited for.
func (c *Cluster) do(t testing.TB, work func(*pgx.Conn)) {
	t.Helper()
	var conn *pgx.Conn
	require.Eventually(t, func() bool {
		var err error
		conn, err = pgx.Connect(t.Context(), c.server.DSN(maintenanceDatabase))
		return err == nil
	}, setupTimeout, 20*time.Millisecond)
	defer conn.Close(context.Background())
	work(conn)
}
