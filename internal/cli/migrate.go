package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/embedpg"
	"github.com/tasker-systems/tasker-go/internal/store"
)

func (a *app) newMigrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to this program's schema",
		Long: `Bring the database to this program's schema. Servers and workers do so themselves when they start; run this before them if
they connect as a user that may not create tables.

With --transport pgmq it also prepares the queues; with --transport postgres it has the database send no more messages, which is
to be done when no process uses them any longer.`,
		Example: `  tasker migrate
  tasker migrate --transport pgmq`,
		Args: exactly(),
		RunE: a.run(func(cmd *cobra.Command, _ []string) error {
			cfg, origins, err := a.load()
			if err != nil {
				return err
			}
			logger, err := a.quietLogger(cfg, origins)
			if err != nil {
				return err
			}
			dsn, closeDatabase, err := a.database(cmd.Context(), cfg, logger)
			if err != nil {
				return err
			}
			applied, err := store.MigrateReport(cmd.Context(), dsn)
			for _, name := range applied {
				fmt.Fprintf(a.Stdout, "applied %s\n", name)
			}
			if err == nil && len(applied) == 0 {
				fmt.Fprintln(a.Stdout, "the schema is up to date")
			}
			if err == nil && origins.Of("queues.backend") != "default" {
				if err = setTransport(cmd.Context(), dsn, cfg.Queues.Backend); err == nil {
					fmt.Fprintf(a.Stdout, "the transport is %s\n", cfg.Queues.Backend)
				}
			}
			return errors.Join(err, closeDatabase())
		}),
	}
}

func setTransport(ctx context.Context, dsn, transport string) error {
	if transport == "pgmq" {
		return store.UsePgmq(ctx, dsn)
	}
	return store.LeavePgmq(ctx, dsn)
}

// database finds the configured database, and starts the private server if it is that. Call what it returns when done.
func (a *app) database(ctx context.Context, cfg *config.Config, logger *slog.Logger) (dsn string, done func() error, err error) {
	if dsn := cfg.Database.URL.Reveal(); dsn != "" {
		return dsn, func() error { return nil }, nil
	}
	server, err := embedpg.Open(ctx, embedpg.Options{DataDir: cfg.Database.DataDir, Getenv: a.getenv, Logger: logger})
	if err != nil {
		return "", nil, fmt.Errorf("start the private PostgreSQL (or set DATABASE_URL to use another): %w", err)
	}
	return server.DSN(""), server.Close, nil
}
