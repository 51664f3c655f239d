package store

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Held is how many connections of the engine's are in use.
func (s *Store) Held() int32 { return s.engine.Stat().AcquiredConns() }

// LaneOf is a lane over connections that are not the store's own.
func LaneOf(ctx context.Context, dsn string) (*pgxpool.Pool, *Lane, error) {
	pool, err := pgxpool.New(ctx, dsn)
	return pool, &Lane{newLane(pool, "select 1")}, err
}

// Lane is a lane for tests.
type Lane struct{ lane *lane }

// Sends tries to send the statement.
func (l *Lane) Sends(ctx context.Context) bool {
	c, _ := l.lane.send(ctx, nil)
	return c != nil
}

// Tries says whether the lane looks for a connection.
func (l *Lane) Tries() bool {
	l.lane.mu.Lock()
	defer l.lane.mu.Unlock()
	return l.lane.busy
}

// Close closes it.
func (l *Lane) Close() { l.lane.close() }
