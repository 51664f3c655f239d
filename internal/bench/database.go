package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/embedpg"
)

// databasePrefix marks databases of benchmarks. One whose advisory lock is free was left behind by a killed process.
const databasePrefix = "tasker_bench_"

// database is the benchmark's own, on the configured server.
type database struct {
	name, dsn string
	admin     *pgx.Conn       // to another database; holds the lock
	server    *embedpg.Server // nil if the server is not ours
}

func createDatabase(ctx context.Context, cfg *config.Config, logger *slog.Logger) (db *database, err error) {
	db = &database{name: databasePrefix + strings.ToLower(rand.Text()[:12])}
	home := cfg.Database.URL.Reveal()
	if home == "" {
		db.server, err = embedpg.Open(ctx, embedpg.Options{DataDir: cfg.Database.DataDir, Logger: logger})
		if err != nil {
			return nil, fmt.Errorf("start the embedded PostgreSQL (or set DATABASE_URL to use another): %w", err)
		}
		home, db.dsn = db.server.DSN(""), db.server.DSN(db.name)
	} else {
		db.dsn = withDatabase(home, db.name)
	}
	if err := db.create(ctx, home); err != nil {
		return nil, errors.Join(err, db.drop(context.WithoutCancel(ctx)))
	}
	return db, nil
}

func (db *database) create(ctx context.Context, home string) (err error) {
	if db.admin, err = pgx.Connect(ctx, home); err != nil {
		return fmt.Errorf("connect to the database server: %w", err)
	}
	if _, err := db.admin.Exec(ctx, "select pg_advisory_lock(hashtext($1))", db.name); err != nil {
		return fmt.Errorf("mark the benchmark's database as in use: %w", err)
	}
	if err := db.dropLeftovers(ctx); err != nil {
		return fmt.Errorf("drop what an earlier benchmark left behind: %w", err)
	}
	if _, err := db.admin.Exec(ctx, "create database "+db.name); err != nil {
		return fmt.Errorf("create a database for the benchmark (the user of DATABASE_URL needs the right CREATEDB): %w", err)
	}
	return nil
}

func (db *database) dropLeftovers(ctx context.Context) error {
	rows, _ := db.admin.Query(ctx, "select datname from pg_database where starts_with(datname, $1)", databasePrefix) // its error surfaces below
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		var abandoned bool
		if err := db.admin.QueryRow(ctx, "select pg_try_advisory_lock(hashtext($1))", name).Scan(&abandoned); err != nil {
			return err
		}
		if !abandoned {
			continue
		}
		if _, err := db.admin.Exec(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()+" with (force)"); err != nil {
			return err
		}
		if _, err := db.admin.Exec(ctx, "select pg_advisory_unlock(hashtext($1))", name); err != nil {
			return err
		}
	}
	return nil
}

// drop removes the database, whoever is still connected, and lets go of the server.
func (db *database) drop(ctx context.Context) (err error) {
	if db.admin != nil {
		if _, err = db.admin.Exec(ctx, "drop database if exists "+db.name+" with (force)"); err != nil {
			err = fmt.Errorf("drop the benchmark's database %s: %w", db.name, err)
		}
		err = errors.Join(err, db.admin.Close(ctx))
	}
	if db.server != nil {
		err = errors.Join(err, db.server.Close())
	}
	return err
}

// withDatabase points a connection string, a URL or libpq keywords, to another database of its server.
func withDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return dsn + " dbname=" + name // of two, the last one counts
	}
	u.Path = "/" + name
	query := u.Query()
	query.Del("dbname")
	u.RawQuery = query.Encode()
	return u.String()
}

// holdSnapshot opens a transaction that keeps the database from forgetting any row deleted or updated from now on.
func holdSnapshot(ctx context.Context, dsn string) (release func(), err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("hold a snapshot: %w", err)
	}
	release = func() { _ = conn.Close(context.WithoutCancel(ctx)) }
	for _, sql := range []string{
		"set idle_in_transaction_session_timeout = 0", "begin isolation level repeatable read", "select pg_current_snapshot()",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			release()
			return nil, fmt.Errorf("hold a snapshot: %w", err)
		}
	}
	return release, nil
}
