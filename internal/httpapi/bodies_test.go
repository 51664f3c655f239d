package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = regexp.MustCompile(`"timestamp": *"[^"]+"`)

// golden compares a body with its file in testdata. The time of the answer is masked.
func golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var got bytes.Buffer
	require.NoError(t, json.Indent(&got, now.ReplaceAll(body, []byte(`"timestamp":"(now)"`)), "", "  "))
	file := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

func TestBodiesAreTheContract(t *testing.T) {
	t.Parallel()
	step := sdk.StepUUID(fakeTask, 1).String()
	for name, tt := range map[string]struct {
		target string
		body   any
	}{
		"task":            {"/v1/tasks/" + fakeTask.String(), &client.TaskResponse{}},
		"tasks":           {"/v1/tasks", &client.TaskListResponse{}},
		"steps":           {"/v1/tasks/" + fakeTask.String() + "/workflow_steps", &[]client.StepResponse{}},
		"step":            {"/v1/tasks/" + fakeTask.String() + "/workflow_steps/" + step, &client.StepResponse{}},
		"templates":       {"/v1/templates", &client.TemplateListResponse{}},
		"no_templates":    {"/v1/templates?namespace=none", &client.TemplateListResponse{}},
		"template":        {"/v1/templates/shop/order/1.0.0", &client.TemplateDetail{}},
		"health":          {"/health", &client.HealthResponse{}},
		"health_live":     {"/health/live", &client.HealthResponse{}},
		"health_ready":    {"/health/ready", &client.ReadinessResponse{}},
		"health_detailed": {"/health/detailed", &client.DetailedHealthResponse{}},
		"health_degraded": {"/health/detailed", &client.DetailedHealthResponse{}},
		"health_broken":   {"/health/detailed", &client.DetailedHealthResponse{}},
		"performance":     {"/v1/analytics/performance?hours=4", &client.PerformanceMetrics{}},
		"bottlenecks":     {"/v1/analytics/bottlenecks", &client.BottleneckAnalysis{}},
		"one_bottleneck":  {"/v1/analytics/bottlenecks?limit=1&min_executions=3", &client.BottleneckAnalysis{}},
		"health_unready":  {"/health/ready", &client.ReadinessResponse{}},
		"health_stopping": {"/health/ready", &client.ReadinessResponse{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			status := http.StatusOK
			switch name {
			case "health_unready", "health_stopping", "health_broken":
				status = http.StatusServiceUnavailable
				f.store.down = name != "health_stopping"
				f.deps.Ready = stopping(name == "health_stopping")
			case "health_degraded":
				f.store.active, f.store.ready = 8, 12_000
			case "bottlenecks":
				f.store.active = 8
			}
			w := f.ask(t, http.MethodGet, tt.target, "", nil)
			require.Equal(t, status, w.Code)
			require.Equal(t, "application/json", w.Header().Get("Content-Type"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			raw := w.Body.Bytes()
			golden(t, name, raw)

			d := json.NewDecoder(bytes.NewReader(raw))
			d.DisallowUnknownFields()
			require.NoError(t, d.Decode(tt.body))
			again, err := json.Marshal(tt.body)
			require.NoError(t, err)
			require.JSONEq(t, string(raw), string(again), "the client's types lose nothing")
		})
	}
}

func TestABareTaskHasEmptyValuesInsteadOfHoles(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.store.task = store.TaskView{TaskUUID: fakeTask, Context: json.RawMessage(`[1]`), CreatedAt: noon, UpdatedAt: noon,
		Counts: workflow.TaskExecutionContext{State: workflow.TaskComplete}}
	golden(t, "task_bare", f.ask(t, http.MethodGet, "/v1/tasks", "", nil).Body.Bytes())
}

func TestStepsOfOneNameHaveOneNamedStep(t *testing.T) {
	t.Parallel()
	a, b := store.StepView{Namespace: "shop", Name: "ship"}, store.StepView{Namespace: "shop", Name: "ship", TaskUUID: fakeTask}
	require.Equal(t, namedStep(&a), namedStep(&b))
	b.Namespace = "depot"
	require.NotEqual(t, namedStep(&a), namedStep(&b))
}
