package worker

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/catalog"
)

// TemplateCacheActor is the door to the [catalog.Catalog].
type TemplateCacheActor struct {
	actor.Base
	catalog *catalog.Catalog
	keeper  *LeaseKeeper
}

var _ actor.Handler[RefreshTemplateCacheMessage, struct{}] = (*TemplateCacheActor)(nil)

// NewTemplateCacheActor makes the actor.
func NewTemplateCacheActor(c *catalog.Catalog, k *LeaseKeeper, logger *slog.Logger) *TemplateCacheActor {
	return &TemplateCacheActor{actor.NewBase("TemplateCacheActor", logger), c, k}
}

// Handle forgets which templates are current, and finds the handlers that new ones brought.
func (a *TemplateCacheActor) Handle(ctx context.Context, msg RefreshTemplateCacheMessage) (struct{}, error) {
	a.catalog.Refresh(msg.Namespace)
	return struct{}{}, a.keeper.RefreshHandlers(ctx)
}
