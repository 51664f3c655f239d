package e2e

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/sdk"
)

// workerAPI starts a worker with an API of its own and returns the API's address.
func workerAPI(t *testing.T, w *world) (base string, node *system.Node) {
	t.Helper()
	registry := sdk.NewRegistry()
	registry.RegisterFunc("work", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success(nil), nil })
	cfg := config.Default()
	cfg.Database.URL, cfg.Database.Pool.MinConnections = config.Secret(w.db.DSN()), 1
	cfg.Worker.ID, cfg.Worker.Web.BindAddress, cfg.Worker.Namespaces = "w7", "127.0.0.1:0", []string{"e2e"}
	s, err := system.Open(t.Context(), cfg, system.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	node, err = system.StartNode(t.Context(), s, &system.WorkerOptions{Registry: registry})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Stop(context.Background())) })
	return "http://" + node.Worker.API.Addr().String(), node
}

// ask sends a request and returns the status and the body.
func ask(t *testing.T, method, url string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for _, c := range change {
		c(r)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(raw)
}

func fields(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &m), text)
	return m
}

func TestAWorkersOwnAPITellsItsHealthItsCountsAndItsTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "known", linear(2)...)
	w.register(t, "unknown", by("nobody", step("s1")))
	base, node := workerAPI(t, w)
	front := w.node(t, role{})
	task := w.submit(t, front, "known", nil)
	require.Equal(t, "complete", w.taskState(t, task))

	for path, keys := range map[string][]string{
		"/health": {"status", "timestamp", "worker_id"}, "/health/live": {"status", "timestamp", "worker_id"},
		"/health/ready":    {"checks", "status", "system_info", "timestamp", "worker_id"},
		"/health/detailed": {"checks", "status", "system_info", "timestamp", "worker_id"},
	} {
		code, text := ask(t, "GET", base+path)
		require.Equal(t, 200, code, text)
		body := fields(t, text)
		require.Equal(t, "healthy", body["status"])
		require.Equal(t, "w7", body["worker_id"])
		require.Len(t, body, len(keys), path)
	}
	_, text := ask(t, "GET", base+"/health/detailed")
	checks := fields(t, text)["checks"].(map[string]any)
	for _, name := range []string{"database", "command_processor", "queue_processing", "event_system", "step_processing", "circuit_breakers"} {
		require.Contains(t, checks, name)
	}
	_, settings := ask(t, "GET", base+"/config")
	require.Equal(t, "w7", fields(t, settings)["config"].(map[string]any)["worker"].(map[string]any)["worker_id"])
	require.Equal(t, []any{"database.url"}, fields(t, settings)["redacted"])
	require.NotContains(t, settings, w.db.DSN())
	require.Equal(t, []any{"e2e"}, fields(t, text)["system_info"].(map[string]any)["supported_namespaces"])

	require.Eventually(t, func() bool {
		_, metrics := ask(t, "GET", base+"/metrics")
		return strings.Contains(metrics, "\ntasker_steps_successes_total 2\n") && strings.Contains(metrics, `tasker_worker_info{version="`)
	}, patience, tick)
	_, text = ask(t, "GET", base+"/metrics/worker")
	require.EqualValues(t, 2, fields(t, text)["worker"].(map[string]any)["steps_succeeded"])
	_, text = ask(t, "GET", base+"/metrics/events")
	require.Equal(t, true, fields(t, text)["enabled"])

	_, text = ask(t, "GET", base+"/v1/templates?include_cache_stats=true&namespace=e2e")
	list := fields(t, text)
	require.EqualValues(t, 2, list["template_count"])
	require.Equal(t, []any{"work"}, list["worker_capabilities"])
	require.NotNil(t, list["cache_stats"])
	_, text = ask(t, "GET", base+"/v1/templates/e2e/known/1.0.0")
	require.Equal(t, []any{"s1", "s2"}, fields(t, text)["handler_metadata"].(map[string]any)["step_names"])
	_, text = ask(t, "GET", base+"/v1/templates/e2e/known/1.0.0")
	require.Equal(t, true, fields(t, text)["cached"])
	_, text = ask(t, "POST", base+"/v1/templates/refresh")
	require.Equal(t, true, fields(t, text)["success"])
	code, text := ask(t, "GET", base+"/v1/templates/e2e/nothing/1.0.0")
	require.Equal(t, 404, code)
	require.Contains(t, text, "there is no template e2e/nothing/1.0.0")
	_, text = ask(t, "POST", base+"/v1/templates/e2e/known/1.0.0/validate")
	require.Equal(t, true, fields(t, text)["valid"])
	_, text = ask(t, "POST", base+"/v1/templates/e2e/unknown/1.0.0/validate")
	require.Equal(t, []any{"step s1: this worker has no handler nobody"}, fields(t, text)["errors"])
	require.NotNil(t, node.Worker)
}

func TestAWorkersAPIAnswersNoWebPageOfAnotherSite(t *testing.T) {
	t.Parallel()
	base, _ := workerAPI(t, newWorld(t))
	code, _ := ask(t, "GET", base+"/health", func(r *http.Request) { r.Host = "evil.example" })
	require.Equal(t, 403, code)
	code, _ = ask(t, "POST", base+"/v1/templates/refresh", func(r *http.Request) {
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	})
	require.Equal(t, 403, code)
}
