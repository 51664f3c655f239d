package testdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	templatePrefix = "tasker_template_"
	templateLock   = 0x746d706c // "tmpl": one process at a time makes templates
	templatesKept  = 8          // the newest, for work trees with other schemas
)

func templateName(version string) string { return templatePrefix + version }

// ensureTemplate makes the template of a schema if no process has done so. It gets its name when it is complete, so that
// a run killed in between leaves nothing that looks like one.
func (s *server) ensureTemplate(ctx context.Context, schema schema) (err error) {
	if _, err := s.conn.Exec(ctx, "select pg_advisory_lock($1)", templateLock); err != nil {
		return fmt.Errorf("wait for the template database: %w", err)
	}
	defer func() {
		_, unlockErr := s.conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", templateLock)
		err = errors.Join(err, unlockErr)
	}()
	name := templateName(schema.version)
	var exists bool
	if err := s.conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&exists); err != nil || exists {
		return err
	}
	unfinished := name + "_unfinished"
	if err := s.execAll(ctx, "drop database if exists "+unfinished+" with (force)", "create database "+unfinished); err != nil {
		return fmt.Errorf("create the template database: %w", err)
	}
	if err := schema.migrate(ctx, s.dsn(unfinished)); err != nil {
		return fmt.Errorf("migrate the template database: %w", err)
	}
	// Nobody may connect any more, not even autovacuum: a template in use cannot be copied.
	err = s.execAll(ctx, "alter database "+unfinished+" allow_connections false", "alter database "+unfinished+" rename to "+name)
	if err != nil {
		return fmt.Errorf("finish the template database: %w", err)
	}
	return s.dropOldTemplates(ctx)
}

func (s *server) dropOldTemplates(ctx context.Context) error {
	rows, _ := s.conn.Query(ctx, "select datname from pg_database where starts_with(datname, $1) order by oid desc offset $2",
		templatePrefix, templatesKept) // its error surfaces below
	old, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list old template databases: %w", err)
	}
	for _, name := range old {
		if err := s.execAll(ctx, "drop database if exists "+name+" with (force)"); err != nil {
			return fmt.Errorf("drop an old template database: %w", err)
		}
	}
	return nil
}

// execAll runs statements that cannot share a transaction.
func (s *server) execAll(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if _, err := s.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
