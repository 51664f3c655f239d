package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func (a *api) live(http.ResponseWriter, *http.Request) (any, error) {
	return client.HealthResponse{Status: client.Healthy, Timestamp: client.At(time.Now())}, nil
}

// readyWithin bounds the wait for the database's sign of life.
const readyWithin = 2 * time.Second

// ready tells whether this process can take work. There is no circuit breaker and no queue of commands to fall behind:
// their checks are part of the contract, and stand for what takes their place.
func (a *api) ready(_ http.ResponseWriter, r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	query, engine := a.Store.Pools(ctx)
	body := client.ReadinessResponse{
		Status: client.Healthy, Timestamp: client.At(time.Now()),
		Checks: client.ReadinessChecks{
			WebDatabase: poolCheck(query), OrchestrationDatabase: poolCheck(engine),
			CircuitBreaker: client.HealthCheck{Status: client.Healthy}, OrchestrationSystem: client.HealthCheck{Status: client.Healthy},
			CommandProcessor: client.HealthCheck{Status: client.Healthy},
		},
		Info: client.HealthInfo{
			Version: a.Config.Version, Environment: a.Config.Environment, OperationalState: "running",
			WebDatabasePoolSize: uint32(query.Max), OrchestrationDatabasePoolSize: uint32(engine.Max), CircuitBreakerState: "closed",
		},
	}
	if err := a.notReady(ctx); err != nil {
		reason := err.Error()
		body.Checks.OrchestrationSystem = client.HealthCheck{Status: client.Unhealthy, Message: &reason}
		body.Info.OperationalState = "stopping"
	}
	c := &body.Checks
	if c.WebDatabase.Status == client.Healthy && c.OrchestrationDatabase.Status == client.Healthy && c.OrchestrationSystem.Status == client.Healthy {
		return body, nil
	}
	body.Status = client.Unhealthy
	return withStatus{http.StatusServiceUnavailable, body}, nil
}

func (a *api) notReady(ctx context.Context) error {
	if a.Ready == nil {
		return nil
	}
	return a.Ready(ctx)
}

func poolCheck(p store.PoolView) client.HealthCheck {
	check := client.HealthCheck{Status: client.Healthy, DurationMS: uint64(p.Took.Milliseconds())}
	if p.Err != nil {
		reason := "the database does not answer"
		check.Status, check.Message = client.Unhealthy, &reason
	}
	return check
}
