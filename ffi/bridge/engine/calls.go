package engine

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/httpapi"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/system"
)

// calls answers the generic calls: those on tasks and templates through the REST API, so that there is one meaning of
// them, the others from the process itself.
type calls struct {
	rest *rest
	// core is nil for clients.
	core *Core
}

// newCalls answers from the database.
func newCalls(o *opened, logger *slog.Logger, requests httpapi.TaskRequests, core *Core) *calls {
	l := o.Config.Limits
	operators := orchestration.NewOperators(o.Store, o.Catalog, payload.Limits{MaxBytes: l.MaxResultBytes, MaxDepth: l.MaxJSONDepth, MaxKeys: l.MaxJSONKeys})
	handler := httpapi.New(httpapi.Deps{Store: o.Store, TaskRequests: requests, Operators: operators, Logger: logger, CacheStats: func() any { return o.Catalog.Stats() }, Config: httpapi.Config{
		Version: system.Version, Environment: o.Config.Environment,
		Body:      payload.Limits{MaxBytes: l.MaxContextBytes, MaxDepth: l.MaxJSONDepth, MaxKeys: l.MaxJSONKeys},
		Staleness: system.StalenessThresholds(o.Config.DLQ.StalenessDetection.Thresholds),
	}})
	return &calls{rest: newLocalRest(handler), core: core}
}

func (c *calls) close() { c.rest.close() }

func (c *calls) call(ctx context.Context, method string, params []byte) ([]byte, error) {
	if r, ok := routes[method]; ok {
		return r.send(ctx, c.rest, params)
	}
	if c.core != nil {
		if own, ok := ownMethods()[method]; ok {
			answer, err := own(c.core, ctx, params)
			if err != nil {
				return nil, err
			}
			return json.Marshal(answer)
		}
	}
	return nil, bridge.Errorf(bridge.EUnsupported, "no method %q on this handle", method).With("method", method).With("methods", c.methods())
}

func (c *calls) methods() []string {
	var names []string
	for name := range routes {
		names = append(names, name)
	}
	if c.core != nil {
		for name := range ownMethods() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
