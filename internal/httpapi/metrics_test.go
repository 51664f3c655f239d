package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func TestMetricsAreCountersGaugesAndSums(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.store.ready, f.store.active = 11, 3
	f.deps.Counters = &orchestration.Counters{}
	f.deps.Counters.TasksRequested.Add(9)
	f.deps.Counters.StepsCompleted.Add(21)
	server := New(f.deps)
	ask := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		return w
	}
	ask("/v1/nowhere")
	ask("/health")
	w := ask("/metrics")
	require.Equal(t, "text/plain; version=0.0.4", w.Header().Get("Content-Type"))
	for _, line := range []string{
		`tasker_server_info{version="1.2.3",environment="test"} 1`,
		"# TYPE tasker_tasks_requests_total counter", "tasker_tasks_requests_total 9", "tasker_steps_successes_total 21",
		"tasker_steps_ready 11", "tasker_queue_oldest_message_age_seconds 1.5", "tasker_steps_results_queued 2",
		"tasker_tasks_blocked 3", "tasker_dlq_pending_investigations 4", "tasker_workers 5", "tasker_worker_slots 60", "tasker_worker_slots_in_use 7",
		"tasker_db_pool_size 12", "tasker_db_pool_active 3", "tasker_db_pool_acquires_total 4",
		"tasker_task_initialization_duration_seconds_count 0", "# TYPE tasker_step_result_processing_duration_seconds summary",
		`tasker_api_requests_total{status="2xx"} 1`, `tasker_api_requests_total{status="4xx"} 1`,
	} {
		require.Contains(t, strings.Split(w.Body.String(), "\n"), line)
	}
}

func TestAQueueThatIsTooLongIsUnhealthyAndTheServerDegraded(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.store.ready = 50_000
	body := f.ask(t, http.MethodGet, "/health/detailed", "", nil).Body.String()
	require.Contains(t, body, `"queue_depth":{"status":"unhealthy","message":"50000 steps or more wait"`)
	require.Contains(t, body, `{"status":"degraded"`)
}

func TestTheConfigurationIsShownWhereTheProcessLetsIt(t *testing.T) {
	t.Parallel()
	f := newFixture()
	require.Contains(t, refused(t, f.ask(t, http.MethodGet, "/config", "", nil), http.StatusNotFound, client.CodeNotFound), "web.config_endpoint")
	f.deps.Settings = func() any { return map[string]string{"environment": "test"} }
	require.JSONEq(t, `{"environment":"test"}`, f.ask(t, http.MethodGet, "/config", "", nil).Body.String())
}

func TestWhatAnAnalysisCannotTakeIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture()
	for target, want := range map[string]string{
		"/v1/analytics/performance?hours=0":                        `hours "0" is not a number from 1 to 8760`,
		"/v1/analytics/bottlenecks?limit=101&min_executions=often": `limit "101" is not a number from 1 to 100; min_executions "often" is not a number`,
	} {
		require.Contains(t, refused(t, f.ask(t, http.MethodGet, target, "", nil), http.StatusBadRequest, client.CodeBadRequest), want)
	}
}
