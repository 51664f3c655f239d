package bench

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestAGateLetsSoManyPassAndThenHoldsAllSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slots = 3
		g := newGate(slots)
		var passed atomic.Int64
		stop := make(chan struct{})
		for range slots { // each slot runs one step after the other
			go func() {
				for {
					select {
					case <-stop:
						return
					default:
						g.pass(t.Context())
						passed.Add(1)
					}
				}
			}()
		}
		synctest.Wait()
		require.Zero(t, passed.Load())
		require.NoError(t, g.let(t.Context(), 10))
		require.EqualValues(t, 10, passed.Load())
		require.NoError(t, g.let(t.Context(), 2))
		require.EqualValues(t, 12, passed.Load())
		close(stop)
		g.end()
		synctest.Wait()
	})
}

func TestAGateGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stalled := errors.New("stalled")
		ctx, cancel := context.WithCancelCause(t.Context())
		g := newGate(1)
		go cancel(stalled)
		require.ErrorIs(t, g.let(ctx, 1), stalled)
		g.pass(ctx) // one may still pass, and then a cancelled step is not held
		g.pass(ctx)
	})
}

func TestTheEndOfATaskMeetsTheOneWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"told before the wait": true, "told during the wait": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var m meetings
				task := sdk.NewUUID()
				tell := func() { m.at(task) <- workflow.TaskComplete }
				if early {
					tell()
				} else {
					go func() {
						synctest.Wait()
						tell()
					}()
				}
				state, err := m.wait(t.Context(), task)
				require.NoError(t, err)
				require.Equal(t, workflow.TaskComplete, state)
				require.Empty(t, m.places)
			})
		})
	}
}

func TestAResultHasTheSizeThatIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, size := range []int{14, 15, 100, 65536} {
		raw := resultOf(size)
		require.Len(t, raw, size)
		require.True(t, json.Valid(raw))
	}
	require.JSONEq(t, `{"result": 49}`, string(resultOf(0)))
}

func TestADatabaseLeftBehindIsDroppedAndOneInUseIsNot(t *testing.T) {
	t.Parallel()
	home := testdb.New(t)
	cfg := config.Default()
	cfg.Database.URL = config.Secret(home.DSN())
	logger := slog.New(slog.DiscardHandler)
	exists := func(name string) bool {
		return home.Count(t, "select count(*) from pg_database where datname = $1", name) == 1
	}
	used, err := createDatabase(t.Context(), cfg, logger)
	require.NoError(t, err)
	left, err := createDatabase(t.Context(), cfg, logger)
	require.NoError(t, err)
	require.True(t, exists(used.name))
	require.True(t, exists(left.name))
	_, err = left.admin.Exec(t.Context(), "select pg_advisory_unlock_all()") // as when it is killed
	require.NoError(t, err)
	require.NoError(t, left.admin.Close(t.Context()))

	next, err := createDatabase(t.Context(), cfg, logger)
	require.NoError(t, err)
	require.True(t, exists(used.name))
	require.False(t, exists(left.name))
	require.NoError(t, next.drop(t.Context()))
	require.NoError(t, used.drop(t.Context()))
	require.False(t, exists(used.name))
	require.False(t, exists(next.name))
}

func TestAConnectionStringIsPointedToAnotherDatabase(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]struct{ host, user string }{
		"postgres://me:secret@db.example:6432/mine?sslmode=disable":         {"db.example", "me"},
		"postgresql://me@db.example?dbname=mine&sslmode=disable":            {"db.example", "me"},
		"host=/run/postgresql user=me dbname='mine' sslmode=disable":        {"/run/postgresql", "me"},
		"host='/run/with space' user=me sslmode=disable application_name=x": {"/run/with space", "me"},
	} {
		parsed, err := pgx.ParseConfig(withDatabase(dsn, "tasker_bench_x"))
		require.NoError(t, err, dsn)
		require.Equal(t, "tasker_bench_x", parsed.Database, dsn)
		require.Equal(t, want.host, parsed.Host, dsn)
		require.Equal(t, want.user, parsed.User, dsn)
	}
}
