package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// laneWorthwhile is how many connections a pool must have to give one to a lane.
	laneWorthwhile = 4
	// laneIdle is how long a lane keeps a connection that nobody uses.
	laneIdle = time.Second
	// laneLife is how long it keeps one that is in use: the pool may want to replace it.
	laneLife = time.Minute
	// laneGoodbye bounds the end of a connection that failed.
	laneGoodbye = time.Second
)

// lane sends one statement for callers who must not wait, neither for a connection nor for the answer: over a connection of
// the pool's that it keeps at hand while it is in use. There is one answer to come at most.
type lane struct {
	pool *pgxpool.Pool
	sql  string
	ctx  context.Context // done when the lane is closed
	quit context.CancelFunc

	mu     sync.Mutex
	conn   *laneConn      // nil: there is none at hand
	busy   bool           // an answer is to come, or a connection
	closed bool           // nothing more is sent
	tasks  sync.WaitGroup // what busy stands for
	look   *time.Timer    // whether the connection is idle
}

// laneConn is the connection of a lane.
type laneConn struct {
	*pgxpool.Conn
	fd           int
	opened, used time.Time
}

func newLane(pool *pgxpool.Pool, sql string) *lane {
	l := &lane{pool: pool, sql: sql}
	l.ctx, l.quit = context.WithCancel(context.Background())
	l.look = time.AfterFunc(time.Hour, l.dropIdle)
	l.look.Stop()
	return l
}

// send sends the statement, whose answer [lane.receive] reads. nil: there is no connection at hand; the lane looks for one.
func (l *lane) send(ctx context.Context, args []any) (*laneConn, pgx.BatchResults) {
	c := l.take()
	if c == nil {
		return nil, nil
	}
	var batch pgx.Batch
	batch.Queue(l.sql, args...)
	answer := c.SendBatch(ctx, &batch)
	if !c.Conn.Conn().PgConn().IsBusy() { // nothing was sent
		_ = answer.Close()
		l.put(c, false)
		return nil, nil
	}
	return c, answer
}

// receive reads the answer and takes the connection back.
func (l *lane) receive(c *laneConn, answer pgx.BatchResults, read func(pgx.Rows) error) (err error) {
	whole := false
	defer func() { l.put(c, whole) }()
	rows, err := answer.Query()
	if err == nil {
		err = read(rows)
		rows.Close()
	}
	if closed := answer.Close(); err == nil { // the statement is committed now
		err = closed
	}
	whole = err == nil
	return err
}

func (l *lane) take() *laneConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy || l.closed {
		return nil
	}
	l.busy = true
	l.tasks.Add(1)
	if l.conn == nil {
		go l.open()
	}
	return l.conn
}

// put takes a connection back, unless it is of no use any more.
func (l *lane) put(c *laneConn, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy, c.used = false, time.Now()
	switch {
	case !whole:
		l.conn = nil
		go func() {
			defer l.tasks.Done()
			ctx, cancel := context.WithTimeout(context.Background(), laneGoodbye)
			defer cancel()
			_ = c.Conn.Conn().Close(ctx)
			c.Release()
		}()
		return
	case l.closed || c.used.Sub(c.opened) > laneLife:
		l.drop()
	}
	l.tasks.Done()
}

// drop gives the connection back to the pool. The caller holds mu.
func (l *lane) drop() {
	l.conn.Release()
	l.conn = nil
}

func (l *lane) dropIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.conn == nil:
	case l.busy || time.Since(l.conn.used) < laneIdle:
		l.look.Reset(laneIdle)
	default:
		l.drop()
	}
}

// close waits for the answer to come, and gives the connection back.
func (l *lane) close() {
	l.quit()
	l.mu.Lock()
	l.closed = true
	if l.conn != nil && !l.busy {
		l.drop()
	}
	l.mu.Unlock()
	l.look.Stop()
	l.tasks.Wait()
}

// open gets a connection at hand, if it can: of the database's troubles others tell.
func (l *lane) open() {
	defer l.tasks.Done()
	c := l.connect()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = false
	if l.conn = c; c == nil {
		return
	}
	if l.closed {
		l.drop()
		return
	}
	l.look.Reset(laneIdle)
}

func (l *lane) connect() *laneConn {
	conn, err := l.pool.Acquire(l.ctx)
	if err != nil {
		return nil
	}
	fd, ok := descriptor(conn.Conn().PgConn().Conn())
	if !ok { // nor will it be for others, as with TLS
		conn.Release()
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		return nil
	}
	if _, err = conn.Conn().Prepare(l.ctx, l.sql, l.sql); err != nil {
		conn.Release()
		return nil
	}
	now := time.Now()
	return &laneConn{Conn: conn, fd: fd, opened: now, used: now}
}
