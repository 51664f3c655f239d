package store

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tasker-systems/tasker-go/sdk"
)

// Options tune a [Store]; the zero value is ready to use.
type Options struct {
	// ApplicationName is shown in pg_stat_activity. Defaults to "tasker".
	ApplicationName string
	// EngineConnections serve the hot statements. Defaults to 8.
	EngineConnections int32
	// QueryConnections serve the API's reads and rare writes. Defaults to 4.
	QueryConnections int32
	// StatementTimeout bounds each statement; a transaction waits twice as long for its next one. Defaults to 5 seconds.
	StatementTimeout time.Duration
	// LockTimeout bounds each wait for a lock. Defaults to 2 seconds.
	LockTimeout time.Duration
	// MinConnections of the engine's are kept open when idle. Defaults to 2.
	MinConnections int32
	// IdleTimeout closes a connection that is not used for so long. Defaults to 5 minutes.
	IdleTimeout time.Duration
	// MaxLifetime replaces a connection after so long. Defaults to 30 minutes.
	MaxLifetime time.Duration
	// TransactionPooler is set when a pooler in transaction mode stands before the database: nothing is then kept on a
	// connection.
	TransactionPooler bool
	// MaxRead bounds the contexts and results, in bytes, that one read brings into memory. Defaults to 64 MiB.
	MaxRead int
	// Tracer sees every statement, for counting.
	Tracer Tracer
}

// Tracer sees statements begin and end.
type Tracer = pgx.QueryTracer

// Store is the engine's door to PostgreSQL. It is safe for concurrent use.
type Store struct {
	engine *pgxpool.Pool
	query  *pgxpool.Pool
	lane   *lane // for single outcomes; nil where statements are not kept, or connections are few
	dsn    string
	// maxRead is [Options.MaxRead].
	maxRead int
}

// Open connects to a migrated database.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	if o.ApplicationName == "" {
		o.ApplicationName = "tasker"
	}
	if o.EngineConnections <= 0 {
		o.EngineConnections = 8
	}
	if o.QueryConnections <= 0 {
		o.QueryConnections = 4
	}
	if o.StatementTimeout <= 0 {
		o.StatementTimeout = 5 * time.Second
	}
	if o.LockTimeout <= 0 {
		o.LockTimeout = 2 * time.Second
	}
	if o.MinConnections <= 0 {
		o.MinConnections = 2
	}
	if o.MaxRead <= 0 {
		o.MaxRead = 64 << 20
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 5 * time.Minute
	}
	if o.MaxLifetime <= 0 {
		o.MaxLifetime = 30 * time.Minute
	}
	engine, err := newPool(ctx, dsn, o, o.EngineConnections, map[string]string{
		// The hot statements join small batches to primary keys. Their plans are pinned to that, so that a table whose
		// statistics lag behind its growth does not turn them into scans. They write = any(array[...]) for the first column of a
		// key, which allows nothing but to look rows up by it, where = would allow to go through all of its index (ADR 23).
		"plan_cache_mode":   "force_generic_plan",
		"enable_hashjoin":   "off",
		"enable_mergejoin":  "off",
		"enable_seqscan":    "off",
		"enable_bitmapscan": "off",
	})
	if err != nil {
		return nil, err
	}
	query, err := newPool(ctx, dsn, o, o.QueryConnections, nil)
	if err != nil {
		engine.Close()
		return nil, err
	}
	s := &Store{engine: engine, query: query, dsn: dsn, maxRead: o.MaxRead}
	if !o.TransactionPooler && o.EngineConnections >= laneWorthwhile {
		s.lane = newLane(engine, endAttempt)
	}
	return s, nil
}

func newPool(ctx context.Context, dsn string, o Options, size int32, params map[string]string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", scrub(err))
	}
	cfg.MaxConns = size
	cfg.MinConns = min(o.MinConnections, size)
	cfg.MaxConnIdleTime = o.IdleTimeout
	cfg.MaxConnLifetime = o.MaxLifetime
	cfg.MaxConnLifetimeJitter = o.MaxLifetime / 6
	cfg.ConnConfig.Tracer = o.Tracer
	cfg.ConnConfig.DialFunc = quietly(cfg.ConnConfig.DialFunc)
	cfg.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	run := cfg.ConnConfig.RuntimeParams
	run["application_name"] = o.ApplicationName
	run["timezone"] = "UTC"
	run["statement_timeout"] = millis(o.StatementTimeout)
	run["lock_timeout"] = millis(o.LockTimeout)
	run["idle_in_transaction_session_timeout"] = millis(2 * o.StatementTimeout)
	if o.TransactionPooler {
		cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	} else {
		run["jit"] = "off" // to compile a statement takes longer than nearly all of ours
		maps.Copy(run, params)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", scrub(err))
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the database: %w", scrub(err))
	}
	return pool, nil
}

// Close waits for running statements and closes all connections.
func (s *Store) Close() {
	if s.lane != nil {
		s.lane.close()
	}
	s.engine.Close()
	s.query.Close()
}

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error { return s.query.Ping(ctx) }

// DSN is the address this store was opened with. It may hold a password: never log it.
func (s *Store) DSN() string { return s.dsn }

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// ids and the functions below put Go slices into the forms that pgx sends without reflection.
func ids(n int, at func(int) sdk.UUID) pgtype.FlatArray[pgtype.UUID] {
	a := make(pgtype.FlatArray[pgtype.UUID], n)
	for i := range a {
		a[i] = pgtype.UUID{Bytes: at(i), Valid: true}
	}
	return a
}

func ints(n int, at func(int) int32) []int32 {
	a := make([]int32, n)
	for i := range a {
		a[i] = at(i)
	}
	return a
}

// texts sends "" as null.
func texts(n int, at func(int) string) pgtype.FlatArray[pgtype.Text] {
	a := make(pgtype.FlatArray[pgtype.Text], n)
	for i := range a {
		a[i] = text(at(i))
	}
	return a
}

// text sends "" as null.
func text[T ~string | ~[]byte](s T) pgtype.Text {
	return pgtype.Text{String: string(s), Valid: len(s) > 0}
}

// idOrNull sends the zero UUID as null.
func idOrNull(id sdk.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: id != sdk.UUID{}} }
