// Package testdb gives each test a database of its own with the current schema. Only tests may import it.
//
// Databases are created on one server that all test processes of a user share and that the last one stops: a private
// PostgreSQL with durability switched off, or the one that TASKER_TEST_DATABASE_URL or DATABASE_URL names. The schema is
// migrated once per version into a template, so that a database is a copy made in milliseconds. Tests that break the
// server itself take a durable one for themselves with [NewCluster].
package testdb

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
)

// setupTimeout bounds what a test waits for its database; the first one may wait for a server to be created.
const setupTimeout = 3 * time.Minute

// Patient are the options of a store on which a busy machine lets nothing time out that does not wait for good.
var Patient = store.Options{StatementTimeout: time.Minute, LockTimeout: time.Minute}

// DB is the database of one test. It is safe for many goroutines.
type DB struct {
	dsn string

	mu   sync.Mutex
	pool *pgxpool.Pool // opened when first asked for
}

// New returns a fresh database with the current schema. It is dropped when the test ends, whoever is still connected.
func New(t testing.TB) *DB {
	t.Helper()
	return newFromMigrator(t, storeSchema)
}

// schema is what a new database holds.
type schema struct {
	version string // equal versions are equal schemas
	migrate func(ctx context.Context, dsn string) error
}

var storeSchema = schema{version: store.SchemaVersion(), migrate: store.Migrate}

func newFromMigrator(t testing.TB, s schema) *DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	server, err := sharedServer()
	require.NoError(t, err, "no database server for tests")
	name, err := server.create(ctx, s)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		require.NoError(t, server.drop(ctx, name))
	})
	return newDB(t, server.dsn(name))
}

// newDB wraps a database that exists. Its pool is closed when the test ends, before what was registered earlier.
func newDB(t testing.TB, dsn string) *DB {
	db := &DB{dsn: dsn}
	t.Cleanup(func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		if db.pool != nil {
			db.pool.Close()
		}
	})
	return db
}

// DSN returns what connects to the database.
func (db *DB) DSN() string { return db.dsn }

// Pool returns the database's one pool for the test's own queries. It is closed when the test that made db ends.
func (db *DB) Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.pool == nil {
		pool, err := pgxpool.New(context.Background(), db.dsn)
		require.NoError(t, err)
		db.pool = pool
	}
	return db.pool
}

// Exec runs one statement, or several without arguments.
func (db *DB) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	_, err := db.Pool(t).Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// Count returns the one number that the query yields.
func (db *DB) Count(t testing.TB, sql string, args ...any) int {
	t.Helper()
	var count int
	require.NoError(t, db.Pool(t).QueryRow(t.Context(), sql, args...).Scan(&count))
	return count
}
