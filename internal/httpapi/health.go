package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func (a *api) live(http.ResponseWriter, *http.Request) (any, error) {
	return client.HealthResponse{Status: client.Healthy, Timestamp: sdk.At(time.Now())}, nil
}

// readyWithin bounds the wait for the database's sign of life.
const readyWithin = 2 * time.Second

// ready tells whether this process can take work.
func (a *api) ready(_ http.ResponseWriter, r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	body, _, _ := a.readiness(ctx)
	if body.Status != client.Healthy {
		return withStatus{http.StatusServiceUnavailable, body}, nil
	}
	return body, nil
}

// readiness asks whatever work depends on. There is no circuit breaker and no queue of commands to fall behind: their checks
// are part of the contract, and stand for what takes their place.
func (a *api) readiness(ctx context.Context) (body client.ReadinessResponse, query, engine store.PoolView) {
	query, engine = a.Store.Pools(ctx)
	healthy := client.HealthCheck{Status: client.Healthy}
	body = client.ReadinessResponse{
		Status: client.Healthy, Timestamp: sdk.At(time.Now()),
		Checks: client.ReadinessChecks{
			WebDatabase: poolCheck(query), OrchestrationDatabase: poolCheck(engine),
			CircuitBreaker: healthy, OrchestrationSystem: healthy, CommandProcessor: healthy,
		},
		Info: client.HealthInfo{
			Version: a.Config.Version, Environment: a.Config.Environment, OperationalState: "running", CircuitBreakerState: "closed",
			WebDatabasePoolSize: uint32(query.Max), OrchestrationDatabasePoolSize: uint32(engine.Max),
		},
	}
	if err := a.notReady(ctx); err != nil {
		body.Checks.OrchestrationSystem = unwell(client.Unhealthy, err.Error())
		body.Info.OperationalState = "stopping"
	}
	c := &body.Checks
	if c.WebDatabase.Status != client.Healthy || c.OrchestrationDatabase.Status != client.Healthy || c.OrchestrationSystem.Status != client.Healthy {
		body.Status = client.Unhealthy
	}
	return body, query, engine
}

func unwell(status, message string) client.HealthCheck {
	return client.HealthCheck{Status: status, Message: &message}
}

// What makes a server degraded, and then unhealthy, though it works.
const (
	fullPool  = 90 // percent
	longQueue = 10_000
	hugeQueue = 50_000
)

// detailed is readiness with what the server is busy with.
func (a *api) detailed(_ http.ResponseWriter, r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	ready, query, engine := a.readiness(ctx)
	body := client.DetailedHealthResponse{
		Status: ready.Status, Timestamp: ready.Timestamp, Info: ready.Info,
		Checks: client.DetailedHealthChecks{
			ReadinessChecks: ready.Checks, PoolUtilization: poolUse(query, engine), QueueDepth: a.queueDepth(ctx),
			ChannelSaturation: client.HealthCheck{Status: client.Healthy},
		},
	}
	body.Info.PoolUtilization = &client.PoolUtilizationInfo{TaskerPool: poolDetail(query), PGMQPool: poolDetail(engine)}
	if body.Status != client.Healthy {
		return withStatus{http.StatusServiceUnavailable, body}, nil
	}
	if body.Checks.PoolUtilization.Status != client.Healthy || body.Checks.QueueDepth.Status != client.Healthy {
		body.Status = client.Degraded
	}
	return body, nil
}

func poolUse(pools ...store.PoolView) client.HealthCheck {
	for _, p := range pools {
		if used := float64(poolDetail(p).UtilizationPercent); used >= fullPool {
			return unwell(client.Degraded, fmt.Sprintf("%.0f %% of the connections to the database are in use (database.pool.max_connections)", used))
		}
	}
	return client.HealthCheck{Status: client.Healthy}
}

func (a *api) queueDepth(ctx context.Context) client.HealthCheck {
	begun := time.Now()
	b, err := a.Store.Backlog(ctx, hugeQueue)
	check := client.HealthCheck{Status: client.Healthy}
	switch depth := max(b.Ready, b.Results); {
	case err != nil:
		check = unwell(client.Unhealthy, "the queues cannot be looked at")
	case depth >= hugeQueue:
		check = unwell(client.Unhealthy, fmt.Sprintf("%d steps or more wait", depth))
	case depth >= longQueue:
		check = unwell(client.Degraded, fmt.Sprintf("%d steps wait", depth))
	}
	check.DurationMS = uint64(time.Since(begun).Milliseconds())
	return check
}

func poolDetail(p store.PoolView) client.PoolDetail {
	d := client.PoolDetail{
		ActiveConnections: uint32(p.Active), IdleConnections: uint32(p.Idle), MaxConnections: uint32(p.Max),
		UtilizationPercent: part(int64(p.Active), int64(p.Max)) * 100,
		TotalAcquires:      uint64(p.Acquires), SlowAcquires: uint64(p.Waited), AcquireErrors: uint64(p.Failed),
	}
	if p.Acquires > 0 {
		d.AverageAcquireTimeMS = client.Float(p.AcquireTime.Seconds() * 1000 / float64(p.Acquires))
	}
	return d
}

func (a *api) notReady(ctx context.Context) error {
	if a.Ready == nil {
		return nil
	}
	return a.Ready(ctx)
}

func poolCheck(p store.PoolView) client.HealthCheck {
	check := client.HealthCheck{Status: client.Healthy}
	if p.Err != nil {
		check = unwell(client.Unhealthy, "the database does not answer")
	}
	check.DurationMS = uint64(p.Took.Milliseconds())
	return check
}
