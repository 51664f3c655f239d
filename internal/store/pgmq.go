package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pgmqInterface makes the schema pgmq where the extension is not to be had.
//
//go:embed pgmq.sql
var pgmqInterface string

// UsePgmq has ready steps and results told of by messages of pgmq from here on, whoever writes them; [LeavePgmq] ends that.
// It uses the schema pgmq that is there, else makes the extension if the server has it and lets this user, else makes the
// same interface in plain SQL. It can be called again.
func UsePgmq(ctx context.Context, dsn string) error {
	err := changeSchema(ctx, dsn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
			return err
		}
		if err := makePgmq(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `select tasker.use_pgmq()`)
		return err
	})
	if err != nil {
		return fmt.Errorf("prepare the database for the transport pgmq: %w", err)
	}
	return nil
}

// oldPgmq is what a schema pgmq lacks that cannot carry headers.
var errOldPgmq = errors.New("the database has a schema pgmq whose send_batch takes no headers: update the extension to pgmq 1.5 or newer (alter extension pgmq update), or use the transport postgres")

func makePgmq(ctx context.Context, tx pgx.Tx) error {
	var there, able, offered bool
	err := tx.QueryRow(ctx, `select to_regnamespace('pgmq') is not null,
		to_regprocedure('pgmq.send_batch(text,jsonb[],jsonb[],timestamptz)') is not null,
		exists (select from pg_available_extensions where name = 'pgmq')`).Scan(&there, &able, &offered)
	switch {
	case err != nil:
		return err
	case able:
		return nil
	case there:
		return errOldPgmq
	case offered:
		err := pgx.BeginFunc(ctx, tx, func(try pgx.Tx) error {
			_, err := try.Exec(ctx, `create extension pgmq`)
			return err
		})
		var refused *pgconn.PgError
		if err == nil || !errors.As(err, &refused) || refused.Code != "42501" { // insufficient_privilege
			return err
		}
	}
	_, err = tx.Exec(ctx, pgmqInterface)
	return err
}

// LeavePgmq ends what [UsePgmq] began: steps and results are found by their rows alone, and messages about them are removed.
func LeavePgmq(ctx context.Context, dsn string) error {
	err := changeSchema(ctx, dsn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `select tasker.leave_pgmq()`)
		return err
	})
	if err != nil {
		return fmt.Errorf("have the database leave the transport pgmq: %w", err)
	}
	return nil
}

// changeSchema runs what changes the schema, on a connection whose statements may take their time.
func changeSchema(ctx context.Context, dsn string, f func(pgx.Tx) error) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return scrub(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return inTx(ctx, conn, f)
}

// PgmqInUse says whether messages of pgmq tell of ready steps and results.
func (s *Store) PgmqInUse(ctx context.Context) (in bool, err error) {
	if err := s.query.QueryRow(ctx, `/* tasker:pgmq_in_use */ select tasker.pgmq_in_use()`).Scan(&in); err != nil {
		return false, fmt.Errorf("ask for the transport of the database: %w", err)
	}
	return in, nil
}

// resendLimit bounds the rows of each handler that one [Store.ResendLost] looks at.
const resendLimit = 1000

const resendLost = `/* tasker:resend_lost */ select tasker.resend_lost($1::bigint * interval '1 millisecond', $2)`

// ResendLost sends messages for steps and results that have waited for longer than olderThan and have none, and returns how
// many it sent. If another process has looked for them within that time, it leaves it at that.
func (s *Store) ResendLost(ctx context.Context, olderThan time.Duration) (sent int, err error) {
	if err := s.query.QueryRow(ctx, resendLost, olderThan.Milliseconds(), resendLimit).Scan(&sent); err != nil {
		return 0, fmt.Errorf("send lost messages again: %w", err)
	}
	return sent, nil
}

const sortForeign = `/* tasker:sort_foreign_messages */
select coalesce(sum(f.sorted), 0)::int, coalesce(sum(cardinality(f.archived)), 0)::int
from (select distinct namespace from tasker.handlers) h
cross join lateral tasker.sort_foreign_messages('worker_' || h.namespace || '_queue', $1::bigint * interval '1 millisecond', $2) f`

// SortForeignMessages puts messages in order that others sent to the queues of workers: sorted ones name a ready step, which
// can now be claimed by them; archived ones named no step, each of maxReads times that they were looked at. What names no step
// is looked at again after hide.
func (s *Store) SortForeignMessages(ctx context.Context, hide time.Duration, maxReads int) (sorted, archived int, err error) {
	if err := s.query.QueryRow(ctx, sortForeign, hide.Milliseconds(), maxReads).Scan(&sorted, &archived); err != nil {
		return 0, 0, fmt.Errorf("sort messages of others: %w", err)
	}
	return sorted, archived, nil
}
