package testdb

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestANewDatabaseHasTheCurrentSchema(t *testing.T) {
	t.Parallel()
	db := New(t)
	require.Positive(t, db.Count(t, "select count(*) from tasker.schema_migrations"))
}

func TestDatabasesOfTwoTestsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	first, second := New(t), New(t)
	first.Exec(t, "create table only_here (n int); insert into only_here values (41), (42)")
	require.Equal(t, 2, first.Count(t, "select count(*) from only_here where n > $1", 40))
	require.Zero(t, second.Count(t, "select count(*) from pg_class where relname = 'only_here'"))
}

func TestADatabaseIsDroppedWithItsTestThoughSomeoneIsStillConnected(t *testing.T) {
	t.Parallel()
	var straggler *pgx.Conn
	require.True(t, t.Run("the test", func(t *testing.T) {
		db := New(t)
		require.Equal(t, 1, db.Count(t, "select 1"))
		var err error
		straggler, err = pgx.Connect(context.Background(), db.DSN())
		require.NoError(t, err)
	}))
	require.Error(t, straggler.Ping(t.Context()), "the database is still there")
	straggler.Close(context.Background())
}

func TestASchemaIsMigratedOncePerVersion(t *testing.T) {
	t.Parallel()
	var migrations atomic.Int64
	s := testSchema(t, func(ctx context.Context, conn *pgx.Conn) error {
		migrations.Add(1)
		_, err := conn.Exec(ctx, "create table from_template (n int)")
		return err
	})
	for range 3 {
		db := newFromMigrator(t, s)
		require.Equal(t, 1, db.Count(t, "select count(*) from pg_class where relname = 'from_template'"))
	}
	other := anotherRun(t)
	_, err := other.create(t.Context(), s)
	require.NoError(t, err)
	require.EqualValues(t, 1, migrations.Load(), "another process migrates the same schema again")
}

func TestAMigrationThatFailedHalfwayIsDoneAgain(t *testing.T) {
	t.Parallel()
	fail := true
	s := testSchema(t, func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "create table half_done (n int)"); err != nil || !fail {
			return err
		}
		_, err := conn.Exec(ctx, "select 1/0")
		return err
	})
	run := anotherRun(t)
	_, err := run.create(t.Context(), s)
	require.ErrorContains(t, err, "migrate the template database")

	fail = false
	_, err = run.create(t.Context(), s)
	require.NoError(t, err)
}

func TestDatabasesOfAKilledRunAreDroppedByTheNext(t *testing.T) {
	t.Parallel()
	killed, alive := anotherRun(t), anotherRun(t)
	leftover, err := killed.create(t.Context(), storeSchema)
	require.NoError(t, err)
	kept, err := alive.create(t.Context(), storeSchema)
	require.NoError(t, err)
	require.NoError(t, killed.conn.Close(t.Context()))

	next := anotherRun(t)
	require.NoError(t, next.connect(t.Context()))

	// A run of another program may have come before it, and be about to.
	require.Eventually(t, func() bool { return !databaseExists(t, next, leftover) }, time.Minute, 10*time.Millisecond)
	require.True(t, databaseExists(t, next, kept), "a database of a live run was dropped")
}

func TestARunReconnectsWhenItsConnectionBreaks(t *testing.T) {
	t.Parallel()
	run := anotherRun(t)
	require.NoError(t, run.connect(t.Context()))
	require.NoError(t, run.conn.Close(t.Context()))
	_, err := run.create(t.Context(), storeSchema)
	require.NoError(t, err)
}

func TestAConnectionStringIsPointedToAnotherDatabase(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ dsn, host, user string }{
		"a URL":               {"postgres://ada@db.example:6543/app?sslmode=disable", "db.example", "ada"},
		"a URL with a socket": {"postgresql://ada@/app?host=/run/pg", "/run/pg", "ada"},
		"libpq keywords":      {"host=/run/pg user=ada dbname=app", "/run/pg", "ada"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, err := pgx.ParseConfig(withDatabase(tt.dsn, "other"))
			require.NoError(t, err)
			require.Equal(t, "other", config.Database)
			require.Equal(t, tt.host, config.Host)
			require.Equal(t, tt.user, config.User)
		})
	}
}

// testSchema is a schema of this test alone; its template goes with the test.
func testSchema(t *testing.T, migrate func(context.Context, *pgx.Conn) error) schema {
	run := anotherRun(t)
	s := schema{version: fmt.Sprintf("of_run_%d", run.run), migrate: func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		return migrate(ctx, conn)
	}}
	t.Cleanup(func() {
		require.NoError(t, run.connect(context.Background()))
		require.NoError(t, run.execAll(context.Background(), "drop database if exists "+templateName(s.version),
			"drop database if exists "+templateName(s.version)+"_unfinished"))
	})
	return s
}

// anotherRun stands for another test process on the shared server. Its databases go with the test.
func anotherRun(t *testing.T) *server {
	shared, err := sharedServer()
	require.NoError(t, err)
	run := newServer(shared.dsn)
	t.Cleanup(func() {
		if run.conn == nil {
			return
		}
		for n := range run.created {
			require.NoError(t, run.drop(context.Background(), run.database(n+1)))
		}
		require.NoError(t, run.conn.Close(context.Background()))
	})
	return run
}

func databaseExists(t *testing.T, s *server, name string) (exists bool) {
	require.NoError(t, s.conn.QueryRow(t.Context(), "select exists (select from pg_database where datname = $1)", name).Scan(&exists))
	return exists
}
