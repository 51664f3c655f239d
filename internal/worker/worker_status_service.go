package worker

import (
	"context"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// WorkerStatus describes a worker.
type WorkerStatus struct {
	WorkerID           string             `json:"worker_id"`
	Status             string             `json:"status"`
	StepsExecuted      uint64             `json:"steps_executed"`
	StepsSucceeded     uint64             `json:"steps_succeeded"`
	StepsFailed        uint64             `json:"steps_failed"`
	UptimeSeconds      uint64             `json:"uptime_seconds"`
	RegisteredHandlers []string           `json:"registered_handlers"`
	Slots              int                `json:"slots"`
	SlotsInUse         int                `json:"slots_in_use"`
	StepsInFlight      int                `json:"steps_in_flight"`
	Stats              StepExecutionStats `json:"stats"`
}

// HealthReport says whether a worker can do its work.
type HealthReport struct {
	// Status is healthy or unhealthy.
	Status string `json:"status"`
	// Database and Lease say "ok", or what is wrong.
	Database string `json:"database"`
	Lease    string `json:"lease"`
}

// WorkerStatusService reports on a worker. What it counts, it counts without locks.
type WorkerStatusService struct {
	name     string
	store    *store.Store
	slots    *dispatch.Slots
	keeper   *LeaseKeeper
	ledger   *ledger
	handlers func() []string
	started  time.Time
	stats    AtomicStepExecutionStats
}

// Status describes the worker.
func (s *WorkerStatusService) Status() WorkerStatus {
	stats := s.stats.Snapshot()
	status := "healthy"
	if !s.keeper.Trusted() {
		status = "unhealthy"
	}
	return WorkerStatus{
		WorkerID: s.name, Status: status,
		StepsExecuted: stats.TotalExecuted, StepsSucceeded: stats.TotalSucceeded, StepsFailed: stats.TotalFailed,
		UptimeSeconds: uint64(time.Since(s.started).Seconds()), RegisteredHandlers: s.handlers(),
		Slots: s.slots.Size(), SlotsInUse: s.slots.InUse(), StepsInFlight: s.ledger.size(), Stats: stats,
	}
}

// Health asks the database, and looks at the lease.
func (s *WorkerStatusService) Health(ctx context.Context) HealthReport {
	r := HealthReport{Status: "healthy", Database: "ok", Lease: "ok"}
	if err := s.store.Ping(ctx); err != nil {
		r.Status, r.Database = "unhealthy", "it does not answer"
	}
	if !s.keeper.Trusted() {
		r.Status, r.Lease = "unhealthy", "it has run out"
	}
	return r
}

func (s *WorkerStatusService) record(r *sdk.StepExecutionResult) {
	ms := uint64(max(r.Metadata.ExecutionTimeMS, 0))
	if r.Success {
		s.stats.RecordSuccess(ms)
	} else {
		s.stats.RecordFailure(ms)
	}
}
