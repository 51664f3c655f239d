package system

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/embedpg"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// SystemContext is what the cores of a process share.
type SystemContext struct {
	Config  *config.Config
	Store   *store.Store
	Catalog *catalog.Catalog
	Logger  *slog.Logger

	server    *embedpg.Server
	supervise context.CancelFunc
}

// Options are what a process brings besides its configuration; the zero value is ready to use.
type Options struct {
	// Name is shown in pg_stat_activity. Defaults to "tasker".
	Name string
	// Getenv reads the environment for the embedded server. Defaults to os.Getenv.
	Getenv func(string) string
	Logger *slog.Logger
	// Tracer counts statements, for benchmarks.
	Tracer store.Tracer
}

// Open connects to the configured database or, without one, starts the embedded server, and brings the schema up to date.
func Open(ctx context.Context, cfg *config.Config, o Options) (*SystemContext, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	s := &SystemContext{Config: cfg, Logger: o.Logger}
	dsn, err := s.database(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx, dsn); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.messages() {
		if err := store.UsePgmq(ctx, dsn); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if s.Store, err = store.Open(ctx, dsn, storeOptions(cfg, o)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Catalog = catalog.New(s.Store, catalogConfig(cfg))
	return s, nil
}

// messages says whether the transport is pgmq.
func (s *SystemContext) messages() bool { return s.Config.Queues.Backend == "pgmq" }

// warnOfMessages tells of messages that the processes which are configured like this one will not read.
func (s *SystemContext) warnOfMessages(ctx context.Context) error {
	if s.messages() {
		return nil
	}
	sent, err := s.Store.PgmqInUse(ctx)
	if sent {
		s.Logger.WarnContext(ctx, "the database sends messages by pgmq, which this process does not read; once no process does, run: tasker migrate --transport postgres")
	}
	return err
}

func (s *SystemContext) database(ctx context.Context, o Options) (dsn string, err error) {
	if dsn := s.Config.Database.URL.Reveal(); dsn != "" {
		return dsn, nil
	}
	s.server, err = embedpg.Open(ctx, embedpg.Options{DataDir: s.Config.Database.DataDir, Getenv: o.Getenv, Logger: o.Logger})
	if err != nil {
		return "", fmt.Errorf("start the embedded PostgreSQL (or set DATABASE_URL to use another): %w", err)
	}
	supervised, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.supervise = stop
	go s.server.Supervise(supervised)
	return s.server.DSN("tasker"), nil
}

// DSN is the database's address. It may hold a password: never log it.
func (s *SystemContext) DSN() string { return s.Store.DSN() }

// Server is the embedded server, or nil.
func (s *SystemContext) Server() *embedpg.Server { return s.server }

// Close lets go of the database. The embedded server stops with its last user.
func (s *SystemContext) Close() error {
	if s.Store != nil {
		s.Store.Close()
	}
	if s.server == nil {
		return nil
	}
	s.supervise()
	return s.server.Close()
}

func storeOptions(cfg *config.Config, o Options) store.Options {
	pool := cfg.Database.Pool
	engine := min(max(pool.MaxConnections/2, 2), 4+2*cfg.Orchestration.Shards)
	return store.Options{
		ApplicationName:   o.Name,
		EngineConnections: int32(engine), QueryConnections: int32(max(pool.MaxConnections-engine, 2)),
		MinConnections: int32(pool.MinConnections), IdleTimeout: pool.IdleTimeout, MaxLifetime: pool.MaxLifetime,
		StatementTimeout: cfg.Database.StatementTimeout, LockTimeout: cfg.Database.LockTimeout,
		TransactionPooler: cfg.Database.Pooler == "transaction",
		Tracer:            o.Tracer,
	}
}

func catalogConfig(cfg *config.Config) catalog.Config {
	d := cfg.Orchestration.DecisionPoints
	c := catalog.Config{
		Environment: cfg.Environment, Multiplier: cfg.Backoff.Multiplier, MaxDelay: cfg.Backoff.MaxBackoff,
		Growth: workflow.GrowthLimits{StepsPerDecision: d.MaxSteps, DecisionDepth: d.MaxDepth},
	}
	if cfg.Backoff.JitterEnabled {
		c.Jitter = cfg.Backoff.JitterMaxPercentage
	}
	return c
}

func contextLimits(l config.Limits) payload.Limits {
	return payload.Limits{MaxBytes: l.MaxContextBytes, MaxDepth: l.MaxJSONDepth, MaxKeys: l.MaxJSONKeys}
}

func resultLimits(l config.Limits) payload.Limits {
	return payload.Limits{MaxBytes: l.MaxResultBytes, MaxDepth: l.MaxJSONDepth, MaxKeys: l.MaxJSONKeys}
}
