package client

import "github.com/tasker-systems/tasker-go/sdk"

// HealthResponse is a plain sign of life.
type HealthResponse struct {
	Status    string        `json:"status"`
	Timestamp sdk.Timestamp `json:"timestamp"`
}

// The states of health.
const (
	Healthy   = "healthy"
	Degraded  = "degraded"
	Unhealthy = "unhealthy"
)

// ReadinessResponse tells whether the server can take work, and what it stands on.
type ReadinessResponse struct {
	Status    string          `json:"status"`
	Timestamp sdk.Timestamp   `json:"timestamp"`
	Checks    ReadinessChecks `json:"checks"`
	Info      HealthInfo      `json:"info"`
}

// ReadinessChecks are what readiness depends on.
type ReadinessChecks struct {
	WebDatabase           HealthCheck `json:"web_database"`
	OrchestrationDatabase HealthCheck `json:"orchestration_database"`
	CircuitBreaker        HealthCheck `json:"circuit_breaker"`
	OrchestrationSystem   HealthCheck `json:"orchestration_system"`
	CommandProcessor      HealthCheck `json:"command_processor"`
}

// DetailedHealthResponse is what [ReadinessResponse] is, with what the server is busy with.
type DetailedHealthResponse struct {
	Status    string               `json:"status"`
	Timestamp sdk.Timestamp        `json:"timestamp"`
	Checks    DetailedHealthChecks `json:"checks"`
	Info      HealthInfo           `json:"info"`
}

// DetailedHealthChecks are those of readiness, and three that may be degraded while the server works.
type DetailedHealthChecks struct {
	ReadinessChecks
	PoolUtilization   HealthCheck `json:"pool_utilization"`
	QueueDepth        HealthCheck `json:"queue_depth"`
	ChannelSaturation HealthCheck `json:"channel_saturation"`
}

// HealthCheck is the outcome of one check.
type HealthCheck struct {
	Status     string  `json:"status"`
	Message    *string `json:"message"`
	DurationMS uint64  `json:"duration_ms"`
}

// HealthInfo describes the server.
type HealthInfo struct {
	Version                       string               `json:"version"`
	Environment                   string               `json:"environment"`
	OperationalState              string               `json:"operational_state"`
	WebDatabasePoolSize           uint32               `json:"web_database_pool_size"`
	OrchestrationDatabasePoolSize uint32               `json:"orchestration_database_pool_size"`
	CircuitBreakerState           string               `json:"circuit_breaker_state"`
	PoolUtilization               *PoolUtilizationInfo `json:"pool_utilization,omitempty"`
}

// PoolUtilizationInfo tells of the connections to the database: those of the API, and those of the engine, which moves the
// queues.
type PoolUtilizationInfo struct {
	TaskerPool PoolDetail `json:"tasker_pool"`
	PGMQPool   PoolDetail `json:"pgmq_pool"`
}

// PoolDetail tells of one pool of connections. SlowAcquires had to wait for a connection, AcquireErrors gave up waiting. The
// longest wait is not kept: MaxAcquireTimeMS is 0.
type PoolDetail struct {
	ActiveConnections    uint32 `json:"active_connections"`
	IdleConnections      uint32 `json:"idle_connections"`
	MaxConnections       uint32 `json:"max_connections"`
	UtilizationPercent   Float  `json:"utilization_percent"`
	TotalAcquires        uint64 `json:"total_acquires"`
	SlowAcquires         uint64 `json:"slow_acquires"`
	AcquireErrors        uint64 `json:"acquire_errors"`
	AverageAcquireTimeMS Float  `json:"average_acquire_time_ms"`
	MaxAcquireTimeMS     Float  `json:"max_acquire_time_ms"`
}
