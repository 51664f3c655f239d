package system

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

var silent = Options{Logger: slog.New(slog.DiscardHandler)}

func TestOpenBringsTheConfiguredDatabaseUpToDate(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	db.Exec(t, "drop schema tasker cascade")
	s, err := Open(t.Context(), configFor(db.DSN()), Options{Name: "a name", Logger: silent.Logger})
	require.NoError(t, err)
	require.Nil(t, s.Server())
	require.Equal(t, db.DSN(), s.DSN())
	require.Zero(t, db.Count(t, "select count(*) from tasker.tasks"))
	require.NotZero(t, db.Count(t, "select count(*) from pg_stat_activity where application_name = 'a name'"))
	require.NoError(t, s.Close())
	require.Error(t, s.Store.Ping(t.Context()))
}

func TestOpenRefusesWhatItCannotUseAndSaysNoPassword(t *testing.T) {
	t.Parallel()
	newer := testdb.New(t)
	newer.Exec(t, "insert into tasker.schema_migrations (version, name) values (9999, 'from the future')")
	for name, tt := range map[string]struct{ dsn, reason string }{
		"no server":        {"postgres://u:hunter2-canary@127.0.0.1:1/db?connect_timeout=2", "migrate"},
		"no address":       {"postgres://u:hunter2-canary@localhost:notaport/db", "migrate"},
		"a newer database": {newer.DSN(), "use a newer tasker"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), configFor(tt.dsn), silent)
			require.ErrorContains(t, err, tt.reason)
			require.NotContains(t, err.Error(), "hunter2-canary")
		})
	}
}

func TestWithoutADatabaseThePrivateServerIsStarted(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "tasker-system-") // not t.TempDir: that is closed to the user whom root runs PostgreSQL as
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o711))
	cfg := configFor("", func(c *config.Config) { c.Database.DataDir = filepath.Join(dir, "pg") })

	s, err := Open(t.Context(), cfg, silent)
	require.NoError(t, err)
	require.NotZero(t, s.Server().PostmasterPID())
	other, err := Open(t.Context(), cfg, silent)
	require.NoError(t, err)
	require.Equal(t, s.Server().PostmasterPID(), other.Server().PostmasterPID(), "processes share it")
	require.NoError(t, other.Close())

	n, err := StartNode(t.Context(), s, &WorkerOptions{Registry: mathHandlers()})
	require.NoError(t, err)
	p := &process{Node: n}
	p.registerExamples(t)
	task := p.square(t, 6)
	p.requireRest(t, task, workflow.TaskComplete)
	require.NoError(t, p.stop())
	require.NoError(t, s.Close())
	require.Zero(t, s.Server().PostmasterPID(), "it stops with its last user")

	again, err := Open(t.Context(), cfg, silent)
	require.NoError(t, err)
	state, err := again.Store.TaskState(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, workflow.TaskComplete, state, "and keeps what it has")
	require.NoError(t, again.Close())
}

func TestTheStoreIsTunedByTheConfiguration(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pool, shards  int
		engine, query int32
	}{
		"by default":         {25, 2, 8, 17},
		"the least":          {2, 2, 2, 2},
		"few":                {6, 2, 3, 3},
		"many for few loops": {100, 2, 8, 92},
		"many for many":      {100, 30, 50, 50},
	} {
		cfg := config.Default()
		cfg.Database.Pool.MaxConnections, cfg.Orchestration.Shards = tt.pool, tt.shards
		cfg.Database.StatementTimeout, cfg.Database.LockTimeout, cfg.Database.Pooler = 7*time.Second, time.Second, "transaction"
		o := storeOptions(cfg, Options{Name: "n"})
		require.Equal(t, []int32{tt.engine, tt.query}, []int32{o.EngineConnections, o.QueryConnections}, name)
		require.Equal(t, store.Options{
			ApplicationName: "n", EngineConnections: tt.engine, QueryConnections: tt.query, StatementTimeout: 7 * time.Second, LockTimeout: time.Second,
			MinConnections: 5, IdleTimeout: 5 * time.Minute, MaxLifetime: 30 * time.Minute, TransactionPooler: true,
		}, o, name)
	}
	cfg := config.Default()
	require.InDelta(t, 0.15, catalogConfig(cfg).Jitter, 1e-9)
	cfg.Backoff.JitterEnabled = false
	require.Zero(t, catalogConfig(cfg).Jitter)
	cfg.Limits.MaxContextBytes, cfg.Limits.MaxResultBytes = 1024, 2048
	require.Equal(t, []int{1024, 2048}, []int{contextLimits(cfg.Limits).MaxBytes, resultLimits(cfg.Limits).MaxBytes})
}
