package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
)

// countedUpTo bounds what is counted of a queue.
const countedUpTo = 100_000

// text is a body that is no JSON.
type text struct {
	kind string
	body string
}

// metrics writes what the server counts and what waits for it in Prometheus' text format.
func (a *api) metrics(_ http.ResponseWriter, r *http.Request) (any, error) {
	backlog, err := a.Store.Backlog(r.Context(), countedUpTo)
	if err != nil {
		return nil, err
	}
	query, engine := a.Store.Pools(r.Context())
	var b strings.Builder
	fmt.Fprintf(&b, "# TYPE tasker_server_info gauge\ntasker_server_info{version=%q,environment=%q} 1\n", a.Config.Version, a.Config.Environment)
	c := a.Counters
	counters(&b, []counter{
		{"tasker_tasks_requests_total", c.TasksRequested.Load()},
		{"tasker_tasks_existing_total", c.TasksExisting.Load()},
		{"tasker_tasks_completions_total", c.TasksCompleted.Load()},
		{"tasker_tasks_failures_total", c.TasksFailed.Load()},
		{"tasker_steps_results_processed_total", c.ResultsProcessed.Load()},
		{"tasker_steps_results_stale_total", c.ResultsStale.Load()},
		{"tasker_steps_successes_total", c.StepsCompleted.Load()},
		{"tasker_steps_retries_total", c.StepsRetried.Load()},
		{"tasker_steps_failures_total", c.StepsFailed.Load()},
		{"tasker_db_pool_acquires_total", uint64(query.Acquires + engine.Acquires)},
		{"tasker_db_pool_slow_acquires_total", uint64(query.Waited + engine.Waited)},
		{"tasker_db_pool_acquire_errors_total", uint64(query.Failed + engine.Failed)},
	})
	summary(&b, "tasker_task_initialization_duration_seconds", &c.Initialization)
	summary(&b, "tasker_step_result_processing_duration_seconds", &c.Processing)
	gauges(&b, []gauge{
		{"tasker_server_uptime_seconds", time.Since(a.begun).Seconds()},
		{"tasker_steps_ready", float64(backlog.Ready)},
		{"tasker_queue_oldest_message_age_seconds", backlog.Oldest.Seconds()},
		{"tasker_steps_results_queued", float64(backlog.Results)},
		{"tasker_tasks_blocked", float64(backlog.Blocked)},
		{"tasker_dlq_pending_investigations", float64(backlog.DeadLetters)},
		{"tasker_workers", float64(backlog.Workers)},
		{"tasker_worker_slots", float64(backlog.Slots)},
		{"tasker_worker_slots_in_use", float64(backlog.Busy)},
		{"tasker_db_pool_size", float64(query.Max + engine.Max)},
		{"tasker_db_pool_active", float64(query.Active + engine.Active)},
		{"tasker_db_pool_idle", float64(query.Idle + engine.Idle)},
	})
	b.WriteString("# TYPE tasker_api_requests_total counter\n")
	for class := 1; class < len(a.answered); class++ {
		fmt.Fprintf(&b, "tasker_api_requests_total{status=\"%dxx\"} %d\n", class, a.answered[class].Load())
	}
	return text{"text/plain; version=0.0.4", b.String()}, nil
}

type counter struct {
	name  string
	value uint64
}

func counters(b *strings.Builder, list []counter) {
	for _, c := range list {
		fmt.Fprintf(b, "# TYPE %s counter\n%s %d\n", c.name, c.name, c.value)
	}
}

type gauge struct {
	name  string
	value float64
}

func gauges(b *strings.Builder, list []gauge) {
	for _, g := range list {
		fmt.Fprintf(b, "# TYPE %s gauge\n%s %v\n", g.name, g.name, g.value)
	}
}

func summary(b *strings.Builder, name string, t *orchestration.Timing) {
	count, took := t.Sum()
	fmt.Fprintf(b, "# TYPE %s summary\n%s_sum %v\n%s_count %d\n", name, name, took.Seconds(), name, count)
}
