package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// meter reads what has been used so far. It has a connection of its own.
type meter struct {
	dsn        string
	conn       *pgx.Conn
	cpu        *cpuMeter // nil where processor times cannot be read
	statements func(context.Context) (int64, error)
	server     serverFacts
}

// serverFacts say what kind of server was measured.
type serverFacts struct {
	version string
	durable bool
}

// usage is what had been used when it was read, or between two readings.
type usage struct {
	wall                      time.Duration // since some point in time
	cpu                       cpuTimes
	walBytes, writes, queries int64
}

func (u usage) since(before usage) usage {
	return usage{
		wall: u.wall - before.wall, cpu: u.cpu.since(before.cpu), walBytes: u.walBytes - before.walBytes,
		writes: u.writes - before.writes, queries: u.queries - before.queries,
	}
}

func (u usage) plus(other usage) usage {
	return usage{
		wall: u.wall + other.wall, cpu: u.cpu.plus(other.cpu), walBytes: u.walBytes + other.walBytes,
		writes: u.writes + other.writes, queries: u.queries + other.queries,
	}
}

// openMeter connects to the benchmark's database.
func openMeter(ctx context.Context, db *database, e *engine) (*meter, error) {
	conn, err := pgx.Connect(ctx, db.dsn)
	if err != nil {
		return nil, fmt.Errorf("connect to measure: %w", err)
	}
	m := &meter{dsn: db.dsn, conn: conn, statements: e.statements}
	m.cpu = newCPUMeter(int(conn.PgConn().PID()), db.name, e.workerPIDs())
	err = conn.QueryRow(ctx, `select current_setting('server_version'),
		current_setting('fsync')::bool and current_setting('synchronous_commit') not in ('off', 'local')`).Scan(&m.server.version, &m.server.durable)
	if err != nil {
		m.close()
		return nil, fmt.Errorf("read what server it is: %w", err)
	}
	return m, nil
}

func (m *meter) close() { _ = m.conn.Close(context.Background()) }

var epoch = time.Now()

// readUsage takes no transaction number itself. What is in progress is not counted; nothing should be.
const readUsage = `select (pg_current_wal_insert_lsn() - '0/0')::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint`

func (m *meter) read(ctx context.Context) (u usage, err error) {
	u.wall = time.Since(epoch)
	if m.cpu != nil {
		if u.cpu, err = m.cpu.read(); err != nil {
			return u, fmt.Errorf("read processor times: %w", err)
		}
	}
	if err := m.conn.QueryRow(ctx, readUsage).Scan(&u.walBytes, &u.writes); err != nil {
		return u, fmt.Errorf("read what the server wrote: %w", err)
	}
	u.queries, err = m.statements(ctx)
	return u, err
}

// vacuum brings statistics and visibility to where autovacuum would soon have them.
func (m *meter) vacuum(ctx context.Context) error {
	if _, err := m.conn.Exec(ctx, "vacuum analyze"); err != nil {
		return fmt.Errorf("vacuum after the warm-up: %w", err)
	}
	return nil
}

const (
	othersConnected = `select exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
		and backend_type = 'client backend' and application_name like 'tasker%')`
	stepUpdates = `select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relid = 'tasker.workflow_steps'::regclass`
	flushWithin = 10 * time.Second
)

// hotUpdateRatio is the share of the updates of steps, warm-up included, that touched no index. It is known once the
// engine's connections have ended: that is when they report.
func (m *meter) hotUpdateRatio(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, flushWithin, fmt.Errorf("the server did not report them within %v", flushWithin))
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		var connected bool
		var updates, hot int64
		err := m.conn.QueryRow(ctx, othersConnected).Scan(&connected)
		if err == nil && !connected {
			err = m.conn.QueryRow(ctx, stepUpdates).Scan(&updates, &hot)
		}
		if err == nil && updates > 0 {
			return float64(hot) / float64(updates), nil
		}
		if err == nil {
			select {
			case <-again.C:
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		return 0, fmt.Errorf("read the updates of steps: %w", err)
	}
}

// counter counts statements as they are sent, those of a batch each.
type counter struct{ n atomic.Int64 }

var (
	_ pgx.QueryTracer = (*counter)(nil)
	_ pgx.BatchTracer = (*counter)(nil)
)

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (c *counter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) { c.n.Add(1) }
func (c *counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
