package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// inTx runs fn in a transaction of the query pool, again when it lost a race.
func (s *Store) inTx(ctx context.Context, fn func(pgx.Tx) error) error { return inTx(ctx, s.query, fn) }

type beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// inTx runs fn in a transaction of db, again when it lost a race.
func inTx(ctx context.Context, db beginner, fn func(pgx.Tx) error) error {
	const tries = 10
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, db, fn)
		if Classify(err) != RemedyRetry || try == tries || ctx.Err() != nil {
			return err
		}
	}
}
