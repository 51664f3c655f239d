package engine

import (
	"context"
	"errors"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/system"
)

// client speaks to a server, or to the database itself.
type client struct {
	calls    *calls
	info     map[string]any
	database *opened
	actors   *orchestration.ActorRegistry
}

var _ bridge.ClientCore = (*client)(nil)

// OpenClient opens a client: with a URL to a server, without to the database.
func OpenClient(ctx context.Context, s bridge.Setup) (bridge.ClientCore, error) {
	if s.Config.URL != "" {
		r, err := newRest(s.Config.URL, s.Config.Token)
		if err != nil {
			return nil, err
		}
		return &client{calls: &calls{rest: r}, info: map[string]any{"url": s.Config.URL, "version": system.Version}}, nil
	}
	o, err := open(ctx, s, "tasker ffi client")
	if err != nil {
		return nil, err
	}
	l := o.Config.Limits
	actors, err := orchestration.BuildActorRegistry(ctx, orchestration.Dependencies{
		Store: o.Store, Catalog: o.Catalog, Logger: s.Logger,
		Config: orchestration.Config{
			ContextLimits:       payload.Limits{MaxBytes: l.MaxContextBytes, MaxDepth: l.MaxJSONDepth, MaxKeys: l.MaxJSONKeys},
			UnknownHandlerGrace: o.Config.Worker.UnknownHandlerGrace,
		},
	})
	if err != nil {
		return nil, errors.Join(databaseError(err), o.Close())
	}
	return &client{
		calls: newCalls(o, s.Logger, actors.TaskRequestActor, nil), database: o, actors: actors,
		info: map[string]any{"environment": o.Config.Environment, "version": system.Version, "embedded_database": o.Server() != nil},
	}, nil
}

// Info implements [bridge.ClientCore].
func (c *client) Info() map[string]any { return c.info }

// Call implements [bridge.Caller].
func (c *client) Call(ctx context.Context, method string, params []byte) ([]byte, error) {
	return c.calls.call(ctx, method, params)
}

// Close implements [bridge.ClientCore].
func (c *client) Close() error {
	c.calls.close()
	if c.database == nil {
		return nil
	}
	return errors.Join(c.actors.Shutdown(context.Background()), c.database.Close())
}
