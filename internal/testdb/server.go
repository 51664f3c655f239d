package testdb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// A test database is named after the run (the process) it belongs to, which holds an advisory lock of its run's number
// while it lives. A database whose lock is free is a leftover.
const databasePrefix = "tasker_test_"

// maintenanceDatabase is where all runs meet: advisory locks count within one database.
const maintenanceDatabase = "postgres"

// server is where databases of tests are created.
type server struct {
	dsn func(database string) string
	run int64

	mu        sync.Mutex // guards what follows
	conn      *pgx.Conn  // to the maintenance database; holds the run's lock
	created   int
	templates map[string]bool // schema versions whose template is known to be there
}

func newServer(dsn func(database string) string) *server {
	return &server{dsn: dsn, run: rand.Int64(), templates: map[string]bool{}}
}

// create makes a database with the schema and returns its name.
func (s *server) create(ctx context.Context, schema schema) (name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(ctx); err != nil {
		return "", err
	}
	if !s.templates[schema.version] {
		if err := s.ensureTemplate(ctx, schema); err != nil {
			return "", err
		}
		s.templates[schema.version] = true
	}
	s.created++
	name = s.database(s.created)
	// Without durability, copying files is quicker than the default of logging every page.
	_, err = s.conn.Exec(ctx, "create database "+name+" template "+templateName(schema.version)+" strategy file_copy")
	if err != nil {
		return "", fmt.Errorf("create test database: %w", err)
	}
	return name, nil
}

// database is the name of the run's nth database.
func (s *server) database(n int) string { return fmt.Sprintf("%s%d_%d", databasePrefix, s.run, n) }

func (s *server) drop(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(ctx); err != nil {
		return err
	}
	if _, err := s.conn.Exec(ctx, "drop database if exists "+name+" with (force)"); err != nil {
		return fmt.Errorf("drop test database: %w", err)
	}
	return nil
}

// connect opens the run's connection, again if it broke, and drops what earlier runs left behind.
func (s *server) connect(ctx context.Context) error {
	if s.conn != nil && !s.conn.IsClosed() {
		return nil
	}
	conn, err := pgx.Connect(ctx, s.dsn(maintenanceDatabase))
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	s.conn = conn
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", s.run); err != nil {
		return fmt.Errorf("mark the test run as alive: %w", err)
	}
	if err := s.sweep(ctx); err != nil {
		return fmt.Errorf("drop what earlier test runs left behind: %w", err)
	}
	return nil
}

func (s *server) sweep(ctx context.Context) error {
	rows, _ := s.conn.Query(ctx, "select datname from pg_database where starts_with(datname, $1)", databasePrefix) // its error surfaces below
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, databasePrefix), "_")
		run, err := strconv.ParseInt(number, 10, 64)
		if err != nil || run == s.run {
			continue
		}
		if err := s.dropLeftover(ctx, name, run); err != nil {
			return err
		}
	}
	return nil
}

// dropLeftover drops a database unless its run is alive, or another process is at it.
func (s *server) dropLeftover(ctx context.Context, name string, run int64) error {
	var abandoned bool
	if err := s.conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", run).Scan(&abandoned); err != nil || !abandoned {
		return err
	}
	if _, err := s.conn.Exec(ctx, "drop database if exists "+name+" with (force)"); err != nil {
		return err
	}
	_, err := s.conn.Exec(ctx, "select pg_advisory_unlock($1)", run)
	return err
}
