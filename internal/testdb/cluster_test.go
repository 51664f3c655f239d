package testdb

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/embedpg"
)

func TestAClusterKeepsWhatWasCommittedBeforeItCrashed(t *testing.T) {
	t.Parallel()
	c := NewCluster(t)
	db := c.NewDB(t)
	db.Exec(t, "create table kept (n int); insert into kept values (1)")

	c.StopImmediate(t)
	require.Error(t, db.Pool(t).Ping(t.Context()))
	c.Start(t)
	require.Equal(t, 1, db.Count(t, "select count(*) from kept"))

	require.Positive(t, c.KillBackends(t))
	require.Eventually(t, func() bool { return db.Pool(t).Ping(t.Context()) == nil }, 30*time.Second, 20*time.Millisecond)
	require.Equal(t, 1, db.Count(t, "select count(*) from kept"))
}

func TestTerminatingBackendsLeavesTheServerUp(t *testing.T) {
	t.Parallel()
	c := NewCluster(t, func(o *embedpg.Options) { o.FastUnsafe, o.MaxConnections = true, 20 })
	db := c.NewDB(t)
	require.Equal(t, 20, db.Count(t, "select setting::int from pg_settings where name = 'max_connections'"))
	conn, err := db.Pool(t).Acquire(t.Context())
	require.NoError(t, err)
	server := c.Server().PostmasterPID()

	c.TerminateBackends(t)

	require.Error(t, conn.Ping(t.Context()))
	conn.Release()
	require.NoError(t, db.Pool(t).Ping(t.Context()))
	require.Equal(t, server, c.Server().PostmasterPID())
}
