package store_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// emptyDatabase is one that Tasker has never been in.
func emptyDatabase(t *testing.T) *testdb.DB {
	t.Helper()
	db := testdb.New(t)
	db.Exec(t, "drop schema tasker cascade")
	return db
}

// schemaOf describes all tables and columns.
func schemaOf(t *testing.T, db *testdb.DB) (columns int) {
	t.Helper()
	return db.Count(t, "select count(*) from information_schema.columns where table_schema = 'tasker'")
}

func TestMigrateMakesTheSchemaOnceAndThenHasNothingToDo(t *testing.T) {
	t.Parallel()
	reference := testdb.New(t)
	db := emptyDatabase(t)
	applied, err := store.MigrateReport(t.Context(), db.DSN())
	require.NoError(t, err)
	require.NotEmpty(t, applied)
	require.Equal(t, "0001_engine", applied[0])
	require.Equal(t, schemaOf(t, reference), schemaOf(t, db))
	require.Equal(t, len(applied), db.Count(t, "select count(*) from tasker.schema_migrations"))

	again, err := store.MigrateReport(t.Context(), db.DSN())
	require.NoError(t, err)
	require.Empty(t, again)
	require.NoError(t, store.Migrate(t.Context(), db.DSN()))
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	db := emptyDatabase(t)
	var mu sync.Mutex
	var applied []string
	migrators := 0
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			names, err := store.MigrateReport(t.Context(), db.DSN())
			mu.Lock()
			defer mu.Unlock()
			if applied = append(applied, names...); len(names) > 0 {
				migrators++
			}
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.Equal(t, 1, migrators)
	require.Equal(t, len(applied), db.Count(t, "select count(*) from tasker.schema_migrations"))
	require.Zero(t, db.Count(t, "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"))
}

func TestWhatIsMissingOfAnOlderDatabaseIsAdded(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	db.Exec(t, "drop table tasker.domain_events; delete from tasker.schema_migrations where version = 2") // newer ones stay
	applied, err := store.MigrateReport(t.Context(), db.DSN())
	require.NoError(t, err)
	require.Equal(t, []string{"0002_domain_events"}, applied)
	require.Equal(t, 0, db.Count(t, "select count(*) from tasker.domain_events"))
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	db.Exec(t, "insert into tasker.schema_migrations (version, name) values (9999, 'from the future')")
	applied, err := store.MigrateReport(t.Context(), db.DSN())
	require.ErrorContains(t, err, "schema version 9999")
	require.ErrorContains(t, err, "use a newer tasker")
	require.Empty(t, applied)
}

func TestAMigrationThatFailsLeavesTheSchemaAsItWas(t *testing.T) {
	t.Parallel()
	db := emptyDatabase(t)
	db.Exec(t, "create schema tasker; create table tasker.workers (n int)") // in the way of the first migration
	_, err := store.MigrateReport(t.Context(), db.DSN())
	require.ErrorContains(t, err, "0001_engine")
	require.Equal(t, store.RemedyStop, store.Classify(err))
	require.Zero(t, db.Count(t, "select count(*) from tasker.schema_migrations"))
	require.Zero(t, db.Count(t, "select count(*) from pg_tables where schemaname = 'tasker' and tablename = 'tasks'"))
	db.Exec(t, "drop table tasker.workers")
	require.NoError(t, store.Migrate(t.Context(), db.DSN()))
}

func TestMigratingGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	conn, err := db.Pool(t).Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "select pg_advisory_lock($1)", int64(0x7461736b6572)) // someone else migrates
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() { waiting <- store.Migrate(ctx, db.DSN()) }()
	testkit.Eventually(t, func() bool {
		return db.Count(t, "select count(*) from pg_stat_activity where wait_event = 'advisory' and datname = current_database()") == 1
	}, "nobody waits for the lock")
	cancel()
	require.ErrorIs(t, <-waiting, context.Canceled)
	_, err = conn.Exec(t.Context(), "select pg_advisory_unlock($1)", int64(0x7461736b6572))
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context(), db.DSN()))
}

// What runs meanwhile may lock tables in another order than a change of the schema does.
func TestAChangeOfTheSchemaThatEndsInADeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before     func(t *testing.T, db *testdb.DB)
		has, wants string // what another transaction has locked, and wants of what the change has
		change     func(context.Context, string) error
	}{
		"the schema is migrated": {
			func(t *testing.T, db *testdb.DB) {
				db.Exec(t, "drop table tasker.domain_events; delete from tasker.schema_migrations where version = 2")
			},
			"lock table tasker.schema_migrations in share mode", "create table tasker.domain_events (n int)", store.Migrate,
		},
		"messages come into use": {
			func(*testing.T, *testdb.DB) {}, "lock table tasker.ready_steps in row exclusive mode", "lock table tasker.handlers in row exclusive mode", store.UsePgmq,
		},
		"messages leave": {
			func(t *testing.T, db *testdb.DB) { require.NoError(t, store.UsePgmq(t.Context(), db.DSN())) },
			"lock table tasker.step_results_queue in row exclusive mode", "lock table tasker.ready_steps in row exclusive mode", store.LeavePgmq,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testdb.New(t)
			tt.before(t, db)
			other, err := db.Pool(t).Begin(t.Context())
			require.NoError(t, err)
			defer func() { _ = other.Rollback(context.Background()) }()
			_, err = other.Exec(t.Context(), "set local deadlock_timeout = '10min'; "+tt.has) // it never is the one to find out
			require.NoError(t, err)
			changed := make(chan error, 1)
			go func() { changed <- tt.change(t.Context(), db.DSN()) }()
			testkit.Eventually(t, func() bool {
				return db.Count(t, "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") == 1
			}, "the change does not wait")
			_, err = other.Exec(t.Context(), tt.wants)
			require.NoError(t, err)
			require.NoError(t, other.Rollback(t.Context()))
			require.NoError(t, <-changed)
		})
	}
}

func TestTheSchemasVersionIsThatOfItsMigrations(t *testing.T) {
	t.Parallel()
	require.Len(t, store.SchemaVersion(), 16)
	require.Equal(t, store.SchemaVersion(), store.SchemaVersion())
}
