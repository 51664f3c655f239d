package cli

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// serverFlags say which server a command talks to.
type serverFlags struct{ url string }

func (s *serverFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.url, "url", "", "`address` of a server, such as http://127.0.0.1:8080 (default TASKER_URL; without either the database is used directly)")
}

func (a *app) serverURL(s *serverFlags) string { return cmp.Or(s.url, a.getenv("TASKER_URL")) }

// closeFor bounds how long a command waits for what it opened to close.
const closeFor = 5 * time.Second

// completeFor bounds how long completion looks for names.
const completeFor = 2 * time.Second

// withClient calls f with a client: of the server that is named or, without one, of an API over the configured database in
// this process. What was opened for it is closed again.
func (a *app) withClient(ctx context.Context, server *serverFlags, f func(context.Context, *client.Client) error) error {
	if url := a.serverURL(server); url != "" {
		c, err := client.New(client.Config{BaseURL: url, APIKey: a.getenv("TASKER_API_KEY")})
		if err != nil {
			return usagef("--url or TASKER_URL: %w", err)
		}
		return f(ctx, c)
	}
	return a.withSystem(ctx, func(ctx context.Context, s *system.SystemContext) error {
		core, err := system.NewOrchestrationCore(ctx, s, nil, false)
		if err != nil {
			return err
		}
		c, err := inProcess(s, core)
		if err == nil {
			err = f(ctx, c)
		}
		last, cancel := context.WithTimeout(context.Background(), closeFor)
		defer cancel()
		return errors.Join(err, core.Stop(last))
	})
}

// withSystem calls f with the configured database, and closes it again. A command needs few connections.
func (a *app) withSystem(ctx context.Context, f func(context.Context, *system.SystemContext) error) error {
	cfg, origins, err := a.load()
	if err != nil {
		return err
	}
	logger, err := a.quietLogger(cfg, origins)
	if err != nil {
		return err
	}
	cfg.Database.Pool.MinConnections, cfg.Database.Pool.MaxConnections = 1, 8
	s, err := system.Open(ctx, cfg, system.Options{Name: "tasker cli", Getenv: a.getenv, Logger: logger})
	if err != nil {
		return err
	}
	return errors.Join(f(ctx, s), s.Close())
}
