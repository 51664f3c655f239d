package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/system"
)

// metricsPrometheus writes what the worker counts in Prometheus' text format.
func (c *Core) metricsPrometheus(context.Context, []byte) (any, error) {
	status, ok := c.workerStatus()
	if !ok {
		return nil, errNotStarted
	}
	m := c.channel.Load().Metrics()
	var b strings.Builder
	fmt.Fprintf(&b, "# TYPE tasker_worker_info gauge\ntasker_worker_info{version=%q,worker_id=%q,worker_type=\"ffi\"} 1\n", system.Version, status.WorkerID)
	for _, s := range []struct {
		name, kind string
		value      uint64
	}{
		{"tasker_worker_uptime_seconds", "gauge", status.UptimeSeconds},
		{"tasker_worker_slots", "gauge", uint64(m.Slots)},
		{"tasker_worker_slots_in_use", "gauge", uint64(m.SlotsInUse)},
		{"tasker_steps_executions_total", "counter", status.StepsExecuted},
		{"tasker_steps_successes_total", "counter", status.StepsSucceeded},
		{"tasker_steps_failures_total", "counter", status.StepsFailed},
		{"tasker_steps_active_executions", "gauge", uint64(status.StepsInFlight)},
		{"tasker_ffi_pending", "gauge", uint64(m.PendingCount)},
		{"tasker_ffi_waiting", "gauge", uint64(m.WaitingCount)},
		{"tasker_ffi_starving", "gauge", uint64(m.StarvingEventCount)},
		{"tasker_ffi_quarantined", "gauge", uint64(m.QuarantinedCount)},
		{"tasker_ffi_polled_total", "counter", m.Polled},
		{"tasker_ffi_timeouts_total", "counter", m.TimedOut},
		{"tasker_ffi_late_completions_total", "counter", m.Late},
		{"tasker_ffi_duplicate_completions_total", "counter", m.Duplicate},
		{"tasker_ffi_completion_sends_total", "counter", m.Breaker.Sends},
		{"tasker_ffi_completion_slow_sends_total", "counter", m.Breaker.SlowSends},
		{"tasker_ffi_completion_circuit_rejections_total", "counter", m.Breaker.Rejections},
		{"tasker_ffi_completion_circuit_state", "gauge", circuitStates[m.Breaker.State]},
	} {
		fmt.Fprintf(&b, "# TYPE %s %s\n%s %d\n", s.name, s.kind, s.name, s.value)
	}
	return map[string]any{"content_type": "text/plain; version=0.0.4", "text": b.String()}, nil
}

var circuitStates = map[dispatch.FfiBreakerState]uint64{
	dispatch.FfiBreakerClosed: 0, dispatch.FfiBreakerHalfOpen: 1, dispatch.FfiBreakerOpen: 2,
}
