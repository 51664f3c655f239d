package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// limitConnections insert side by side.
const limitConnections = 32

// limit finds what the machine can do at all: how many rows a second it inserts durably, one a transaction.
type limit struct{ conns []*pgx.Conn }

const (
	createLimitTable = `create table bench_limit (id bigint generated always as identity primary key, value text not null)`
	insertOne        = `insert into bench_limit (value) values ($1)`
	insertedValue    = "a row of about the size of a step's result"
)

// openLimit connects. The connections stay open, so that none is set up or ended while something is measured.
func openLimit(ctx context.Context, dsn string) (*limit, error) {
	l := &limit{}
	for range limitConnections {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			l.conns = append(l.conns, conn)
			_, err = conn.Exec(ctx, "set synchronous_commit = on")
		}
		if err != nil {
			l.close()
			return nil, fmt.Errorf("connect to measure the machine's limit on %d connections: %w", limitConnections, err)
		}
	}
	if _, err := l.conns[0].Exec(ctx, createLimitTable); err != nil {
		l.close()
		return nil, fmt.Errorf("measure the machine's limit: %w", err)
	}
	return l, nil
}

func (l *limit) close() {
	for _, conn := range l.conns {
		_ = conn.Close(context.Background())
	}
}

// throughput is the number of single-row inserts that the server commits in a second over all connections.
func (l *limit) throughput(ctx context.Context, during time.Duration) (perSecond float64, err error) {
	group, ctx := errgroup.WithContext(ctx)
	var total atomic.Int64
	begun := time.Now()
	for _, conn := range l.conns {
		group.Go(func() error {
			n, err := insertUntil(ctx, conn, begun.Add(during), func(time.Duration) {})
			total.Add(n)
			return err
		})
	}
	err = group.Wait()
	return float64(total.Load()) / time.Since(begun).Seconds(), err
}

// commits are the times of single-row inserts on one connection.
func (l *limit) commits(ctx context.Context, during time.Duration) (took []time.Duration, err error) {
	_, err = insertUntil(ctx, l.conns[0], time.Now().Add(during), func(d time.Duration) { took = append(took, d) })
	return took, err
}

func insertUntil(ctx context.Context, conn *pgx.Conn, deadline time.Time, took func(time.Duration)) (n int64, err error) {
	for at := time.Now(); n == 0 || at.Before(deadline); n++ {
		if _, err := conn.Exec(ctx, insertOne, insertedValue); err != nil {
			return n, fmt.Errorf("measure the machine's limit: %w", err)
		}
		now := time.Now()
		took(now.Sub(at))
		at = now
	}
	return n, nil
}
