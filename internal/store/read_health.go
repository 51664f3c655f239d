package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// PoolView tells how a pool of connections does.
type PoolView struct {
	// Err says why the database did not answer on it, within the time Took.
	Err  error
	Took time.Duration
	// Max bounds the connections; Active of them are in use and Idle are open.
	Max, Active, Idle int32
	// Acquires counts those who got a connection, Waited those of them who had to wait for it, and Failed those who gave up.
	// All of them together waited for AcquireTime.
	Acquires, Waited, Failed int64
	AcquireTime              time.Duration
}

// Pools asks the database for a sign of life on each pool: the one for reading, and the engine's.
func (s *Store) Pools(ctx context.Context) (query, engine PoolView) {
	return viewPool(ctx, s.query), viewPool(ctx, s.engine)
}

func viewPool(ctx context.Context, p *pgxpool.Pool) PoolView {
	begun := time.Now()
	err := p.Ping(ctx)
	stat := p.Stat()
	return PoolView{
		Err: err, Took: time.Since(begun), Max: stat.MaxConns(), Active: stat.AcquiredConns(), Idle: stat.IdleConns(),
		Acquires: stat.AcquireCount(), Waited: stat.EmptyAcquireCount(), Failed: stat.CanceledAcquireCount(), AcquireTime: stat.AcquireDuration(),
	}
}
