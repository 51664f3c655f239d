package system

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/examples/math"
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

const examples = "../../examples/templates"

// process is a node over an open system, with what it logs.
type process struct {
	*Node
	logs *testkit.Logs
}

func configFor(dsn string, change ...func(*config.Config)) *config.Config {
	cfg := config.Default()
	cfg.Database.StatementTimeout, cfg.Database.LockTimeout = testdb.Patient.StatementTimeout, testdb.Patient.LockTimeout
	cfg.Database.URL = config.Secret(dsn)
	cfg.Worker.PollInterval = time.Hour // nothing is found but by notification
	cfg.Shutdown.Timeout = testkit.Patience
	for _, c := range change {
		c(cfg)
	}
	return cfg
}

// startProcess starts one on the database and stops it when the test ends, after which nothing in the database may break a
// rule.
func startProcess(t *testing.T, db *testdb.DB, o *WorkerOptions, change ...func(*config.Config)) *process {
	t.Helper()
	p := &process{logs: &testkit.Logs{}}
	s, err := Open(t.Context(), configFor(db.DSN(), change...), Options{Name: "under test", Logger: slog.New(slog.NewTextHandler(p.logs, nil))})
	require.NoError(t, err)
	p.Node, err = StartNode(t.Context(), s, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.stop())
		check, err := store.Open(context.Background(), db.DSN(), store.Options{MinConnections: 1}) // the test may have cut the other one's connections
		require.NoError(t, err)
		defer check.Close()
		violations, err := check.Check(context.Background())
		require.NoError(t, err)
		require.Empty(t, violations)
		require.NoError(t, s.Close())
	})
	return p
}

// stop stops the process without waiting for handlers to finish by themselves.
func (p *process) stop() error {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	return p.Stop(now)
}

func mathHandlers() *sdk.Registry {
	r := sdk.NewRegistry()
	math.Register(r)
	return r
}

func (p *process) registerExamples(t testing.TB) {
	t.Helper()
	_, err := RegisterTemplates(t.Context(), p.System, []string{examples}, false)
	require.NoError(t, err)
}

func (p *process) create(t testing.TB, namespace, name string, number int) sdk.UUID {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"even_number": number})
	require.NoError(t, err)
	created, err := actor.Ask(t.Context(), p.Orchestration.Actors.TaskRequestActor.Handle, orchestration.ProcessTaskRequestMessage{
		Request: sdk.TaskRequest{Namespace: namespace, Name: name, Version: "1.0.0", Context: raw, IdempotencyKey: sdk.NewUUID().String()},
	})
	require.NoError(t, err)
	return created.TaskUUID
}

func (p *process) square(t testing.TB, number int) sdk.UUID {
	t.Helper()
	return p.create(t, "examples_linear", "mathematical_sequence", number)
}

func (p *process) requireRest(t testing.TB, task sdk.UUID, state workflow.TaskState) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	got, err := p.Orchestration.Actors.Endings.Wait(ctx, task)
	require.NoError(t, err)
	require.Equal(t, state, got)
}
