package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/worker"
	"github.com/tasker-systems/tasker-go/sdk"
)

type ownMethod func(c *Core, ctx context.Context, params []byte) (any, error)

// ownMethods are the calls that a worker answers of itself.
func ownMethods() map[string]ownMethod {
	return map[string]ownMethod{
		"events.publish":     (*Core).publishEvent,
		"events.decline":     (*Core).declineEvent,
		"events.flush":       (*Core).flushEvents,
		"events.poll":        (*Core).pollEvents,
		"templates.validate": (*Core).validateTemplate,
		"templates.refresh":  (*Core).refreshTemplates,
		"health.basic":       (*Core).healthBasic,
		"health.detailed":    (*Core).healthDetailed,
		"metrics.worker":     (*Core).metricsWorker,
		"metrics.prometheus": (*Core).metricsPrometheus,
		"config.runtime":     (*Core).configRuntime,
		"config.environment": (*Core).configEnvironment,
	}
}

var errNotStarted = bridge.Errorf(bridge.EState, "the worker was not started yet")

// running is the worker, once it was started.
func (c *Core) running() (*system.WorkerCore, error) {
	if node := c.node.Load(); node != nil {
		return node.Worker, nil
	}
	return nil, errNotStarted
}

// validateTemplate tells whether this worker has the handlers of a template.
func (c *Core) validateTemplate(ctx context.Context, params []byte) (any, error) {
	var p struct{ Namespace, Name, Version string }
	if err := strictly(params, &p); err != nil {
		return nil, err
	}
	t, err := c.Catalog.Current(ctx, p.Namespace, p.Name, p.Version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, bridge.Errorf(bridge.ENotFound, "there is no template %s/%s %s", p.Namespace, p.Name, p.Version)
	}
	if err != nil {
		return nil, databaseError(err)
	}
	served := []string{}
	if w, err := c.running(); err == nil {
		status, err := actor.Ask(ctx, w.Actors.WorkerStatusActor.HandleGetWorkerStatus, worker.GetWorkerStatusMessage{})
		if err != nil {
			return nil, err
		}
		served = status.RegisteredHandlers
	}
	problems, handlers := []string{}, []string{}
	for i := range t.Steps {
		callable := t.Steps[i].Definition.Handler.Callable
		handlers = append(handlers, callable)
		if !slices.Contains(served, callable) {
			problems = append(problems, fmt.Sprintf("step %s: this worker has no handler %s", t.Steps[i].Definition.Name, callable))
		}
	}
	slices.Sort(handlers)
	handlers = slices.Compact(handlers)
	return map[string]any{"valid": len(problems) == 0, "errors": problems, "required_capabilities": handlers, "step_handlers": handlers}, nil
}

// refreshTemplates forgets cached templates, of one namespace or of all.
func (c *Core) refreshTemplates(ctx context.Context, params []byte) (any, error) {
	var p struct{ Namespace string }
	if err := strictly(params, &p); err != nil {
		return nil, err
	}
	w, err := c.running()
	if err != nil {
		return nil, err
	}
	if _, err := actor.Ask(ctx, w.Actors.TemplateCacheActor.Handle, worker.RefreshTemplateCacheMessage{Namespace: p.Namespace}); err != nil {
		return nil, databaseError(err)
	}
	w.Actors.Claimer.Hint()
	return map[string]any{"operation": "refresh", "success": true, "cached": c.Catalog.Size()}, nil
}

func (c *Core) healthBasic(context.Context, []byte) (any, error) {
	status, ok := c.workerStatus()
	health := map[string]any{"status": "healthy", "timestamp": sdk.At(time.Now()), "worker_id": status.WorkerID}
	if ok && status.Status != "healthy" {
		health["status"] = status.Status
	}
	return health, nil
}

// healthDetailed asks the database.
func (c *Core) healthDetailed(ctx context.Context, params []byte) (any, error) {
	basic, _ := c.healthBasic(ctx, params)
	health := basic.(map[string]any)
	w, err := c.running()
	if err != nil {
		return nil, err
	}
	report, err := actor.Ask(ctx, w.Actors.WorkerStatusActor.HandleHealthCheck, worker.HealthCheckMessage{})
	if err != nil {
		return nil, err
	}
	events, err := actor.Ask(ctx, w.Actors.WorkerStatusActor.HandleGetEventStatus, worker.GetEventStatusMessage{})
	if err != nil {
		return nil, err
	}
	m := c.channel.Load().Metrics()
	health["status"] = report.Status
	health["checks"] = map[string]any{
		"database": report.Database, "lease": report.Lease, "event_system": events, "step_processing": m, "circuit_breakers": m.Breaker,
	}
	return health, nil
}

func (c *Core) metricsWorker(context.Context, []byte) (any, error) {
	status, ok := c.workerStatus()
	if !ok {
		return nil, errNotStarted
	}
	return map[string]any{"worker": status, "ffi_dispatch": c.channel.Load().Metrics(), "domain_events": c.events.Stats()}, nil
}

func (c *Core) configRuntime(context.Context, []byte) (any, error) {
	var text strings.Builder
	if err := c.Config.WriteShow(&text, c.origins, false); err != nil {
		return nil, err
	}
	return map[string]any{"environment": c.Config.Environment, "version": system.Version, "toml": text.String(), "origins": c.origins}, nil
}

func (c *Core) configEnvironment(context.Context, []byte) (any, error) {
	return map[string]any{"environment": c.Config.Environment}, nil
}
