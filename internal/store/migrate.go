package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the advisory lock that lets one process migrate at a time: "tasker" in ASCII.
const migrationLock = 0x7461736b6572

type migration struct {
	version int
	name    string
	sql     string
}

// Migrate brings the database to this program's schema. Processes that start at once wait for each other. It refuses a
// database that is newer than the program.
func Migrate(ctx context.Context, dsn string) error {
	_, err := MigrateReport(ctx, dsn)
	return err
}

// MigrateReport is [Migrate], and lists the migrations it applied.
func MigrateReport(ctx context.Context, dsn string) (applied []string, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", scrub(err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return nil, fmt.Errorf("migrate: wait for the migration lock: %w", err)
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, int64(migrationLock))
	}()

	if _, err := conn.Exec(ctx, `create schema if not exists tasker; create table if not exists tasker.schema_migrations
		(version int primary key, name text not null, applied_at timestamptz not null default clock_timestamp())`); err != nil {
		return nil, fmt.Errorf("migrate: create schema tasker: %w", err)
	}
	rows, _ := conn.Query(ctx, `select version from tasker.schema_migrations`) // its error surfaces below
	versions, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, fmt.Errorf("migrate: read the schema version: %w", err)
	}
	all := migrations()
	newest := all[len(all)-1].version
	if current := slices.Max(append(versions, 0)); current > newest {
		return nil, fmt.Errorf("the database has schema version %d, this program knows %d: use a newer tasker", current, newest)
	}
	for _, m := range all {
		if slices.Contains(versions, m.version) {
			continue
		}
		err := inTx(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, m.sql); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `insert into tasker.schema_migrations (version, name) values ($1, $2)`, m.version, m.name)
			return err
		})
		if err != nil {
			return applied, fmt.Errorf("migrate: %s: %w", m.name, err)
		}
		applied = append(applied, m.name)
	}
	return applied, nil
}

// SchemaVersion is a hash over all migrations: equal schemas have equal versions.
func SchemaVersion() string {
	h := sha256.New()
	for _, m := range migrations() {
		fmt.Fprintf(h, "%d %s\n", m.version, m.sql)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// migrations lists the embedded files in order. A malformed file name is a mistake in the build, so it panics.
func migrations() []migration {
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		panic(err)
	}
	var all []migration
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".sql")
		version, err := strconv.Atoi(strings.SplitN(name, "_", 2)[0])
		if err != nil {
			panic(fmt.Sprintf("migration %s has no number", e.Name()))
		}
		sql, err := migrationFiles.ReadFile("migrations/" + e.Name())
		if err != nil {
			panic(err)
		}
		all = append(all, migration{version, name, string(sql)})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].version < all[j].version })
	return all
}
