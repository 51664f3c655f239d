package workerapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/worker"
	"github.com/tasker-systems/tasker-go/sdk"
)

// check is the outcome of one check.
type check struct {
	Status      string        `json:"status"`
	Message     *string       `json:"message"`
	DurationMS  int64         `json:"duration_ms"`
	LastChecked sdk.Timestamp `json:"last_checked"`
}

func checked(problem string, took time.Duration) check {
	c := check{Status: "healthy", DurationMS: took.Milliseconds(), LastChecked: now()}
	if problem != "ok" && problem != "" {
		c.Status, c.Message = "unhealthy", &problem
	}
	return c
}

func now() sdk.Timestamp { return sdk.At(time.Now()) }

// health is the body of all health answers; readiness and details add to it.
type health struct {
	Status     string           `json:"status"`
	Timestamp  sdk.Timestamp    `json:"timestamp"`
	WorkerID   string           `json:"worker_id"`
	Checks     map[string]check `json:"checks,omitempty"`
	SystemInfo *systemInfo      `json:"system_info,omitempty"`
}

// systemInfo describes the worker.
type systemInfo struct {
	Version                string   `json:"version"`
	Environment            string   `json:"environment"`
	UptimeSeconds          uint64   `json:"uptime_seconds"`
	WorkerType             string   `json:"worker_type"`
	DatabasePoolSize       int32    `json:"database_pool_size"`
	CommandProcessorActive bool     `json:"command_processor_active"`
	SupportedNamespaces    []string `json:"supported_namespaces"`
	PoolUtilization        *pools   `json:"pool_utilization,omitempty"`
}

type pools struct {
	TaskerPool pool `json:"tasker_pool"`
}

type pool struct {
	Active             int32   `json:"active_connections"`
	Idle               int32   `json:"idle_connections"`
	Max                int32   `json:"max_connections"`
	UtilizationPercent float64 `json:"utilization_percent"`
}

func (a *api) live(r *http.Request) (any, error) {
	s, err := a.status(r.Context())
	return health{Status: "healthy", Timestamp: now(), WorkerID: s.WorkerID}, err
}

func (a *api) ready(r *http.Request) (any, error) {
	h, err := a.checks(r, false)
	return h, err
}

func (a *api) detailed(r *http.Request) (any, error) { return a.checks(r, true) }

// checks asks the database and looks at the lease, by which the worker may take steps from the queue.
func (a *api) checks(r *http.Request, details bool) (any, error) {
	begun := time.Now()
	report, err := actor.Ask(r.Context(), a.Actors.WorkerStatusActor.HandleHealthCheck, worker.HealthCheckMessage{})
	if err != nil {
		return nil, err
	}
	took := time.Since(begun)
	s, err := a.status(r.Context())
	if err != nil {
		return nil, err
	}
	query, engine := a.Store.Pools(r.Context())
	h := health{Status: report.Status, Timestamp: now(), WorkerID: s.WorkerID, Checks: map[string]check{
		"database": checked(report.Database, took), "command_processor": checked("ok", took), "queue_processing": checked(report.Lease, took),
	}, SystemInfo: &systemInfo{
		Version: a.Config.Version, Environment: a.Config.Environment, UptimeSeconds: s.UptimeSeconds, WorkerType: "tasker-go",
		DatabasePoolSize: query.Max + engine.Max, CommandProcessorActive: true, SupportedNamespaces: a.namespaces(),
	}}
	if details {
		if err := a.addDetails(r, &h, &s); err != nil {
			return nil, err
		}
		max := query.Max + engine.Max
		active := query.Active + engine.Active
		h.SystemInfo.PoolUtilization = &pools{TaskerPool: pool{Active: active, Idle: query.Idle + engine.Idle, Max: max,
			UtilizationPercent: float64(active) * 100 / float64(max)}}
	}
	if h.Status != "healthy" {
		return status{http.StatusServiceUnavailable, h}, nil
	}
	return h, nil
}

func (a *api) addDetails(r *http.Request, h *health, s *worker.WorkerStatus) error {
	events, err := actor.Ask(r.Context(), a.Actors.WorkerStatusActor.HandleGetEventStatus, worker.GetEventStatusMessage{})
	if err != nil {
		return err
	}
	event := "ok"
	if e := events.Stats.System; e.ChannelCapacity > 0 && e.ChannelDepth >= e.ChannelCapacity {
		event = fmt.Sprintf("%d steps wait for their events to be published, and no more fit", e.ChannelDepth)
	}
	h.Checks["event_system"] = checked(event, 0)
	steps := checked("ok", 0)
	if s.SlotsInUse >= s.Slots {
		full := fmt.Sprintf("all %d slots are in use", s.Slots)
		steps.Status, steps.Message = "degraded", &full
	}
	h.Checks["step_processing"] = steps
	none := "the core stores results without one; that of a host language is in the host's own health"
	h.Checks["circuit_breakers"] = check{Status: "healthy", Message: &none, LastChecked: now()}
	return nil
}

func (a *api) namespaces() []string {
	if a.Config.Namespaces == nil {
		return []string{}
	}
	return a.Config.Namespaces
}

func (a *api) workerMetrics(r *http.Request) (any, error) {
	s, err := a.status(r.Context())
	return map[string]any{"worker": s}, err
}

func (a *api) eventMetrics(r *http.Request) (any, error) {
	return actor.Ask(r.Context(), a.Actors.WorkerStatusActor.HandleGetEventStatus, worker.GetEventStatusMessage{})
}

// prometheus writes what the worker counts in Prometheus' text format.
func (a *api) prometheus(w http.ResponseWriter, r *http.Request) {
	s, err := a.status(r.Context())
	if err != nil {
		http.Error(w, "the worker does not answer", http.StatusServiceUnavailable)
		return
	}
	events, err := actor.Ask(r.Context(), a.Actors.WorkerStatusActor.HandleGetEventStatus, worker.GetEventStatusMessage{})
	if err != nil {
		http.Error(w, "the worker does not answer", http.StatusServiceUnavailable)
		return
	}
	query, engine := a.Store.Pools(r.Context())
	var b strings.Builder
	fmt.Fprintf(&b, "# TYPE tasker_worker_info gauge\ntasker_worker_info{version=%q,worker_id=%q,worker_type=\"tasker-go\"} 1\n", a.Config.Version, s.WorkerID)
	e := events.Stats.System
	for _, m := range []struct {
		name, kind string
		value      uint64
	}{
		{"tasker_worker_uptime_seconds", "gauge", s.UptimeSeconds},
		{"tasker_worker_db_pool_size", "gauge", uint64(query.Max + engine.Max)},
		{"tasker_worker_slots", "gauge", uint64(s.Slots)},
		{"tasker_worker_slots_in_use", "gauge", uint64(s.SlotsInUse)},
		{"tasker_steps_executions_total", "counter", s.StepsExecuted},
		{"tasker_steps_successes_total", "counter", s.StepsSucceeded},
		{"tasker_steps_failures_total", "counter", s.StepsFailed},
		{"tasker_steps_active_executions", "gauge", uint64(s.StepsInFlight)},
		{"tasker_domain_events_dispatched_total", "counter", e.EventsDispatched},
		{"tasker_domain_events_published_total", "counter", e.Published},
		{"tasker_domain_events_failed_total", "counter", e.Failed},
		{"tasker_domain_events_dropped_total", "counter", e.Dropped},
		{"tasker_domain_events_channel_depth", "gauge", uint64(e.ChannelDepth)},
	} {
		fmt.Fprintf(&b, "# TYPE %s %s\n%s %d\n", m.name, m.kind, m.name, m.value)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = w.Write([]byte(b.String()))
}
