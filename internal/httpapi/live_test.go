package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/httpapi"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// startLive starts the engine with a worker over a real database, serves the API, and returns a client of it.
func startLive(t *testing.T) (*client.Client, *system.SystemContext, string) {
	t.Helper()
	return startLiveOn(t, testdb.New(t).DSN())
}

func startLiveOn(t *testing.T, dsn string) (*client.Client, *system.SystemContext, string) {
	t.Helper()
	handlers := sdk.NewRegistry()
	handlers.RegisterFunc("validate", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
		return sdk.StepResult{Value: map[string]any{"ok": true}, Metadata: map[string]any{"checked": 3}}, nil
	})
	handlers.RegisterFunc("charge", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		var order struct{ Card string }
		if err := step.Input(ctx, &order); err != nil {
			return sdk.StepResult{}, err
		}
		switch order.Card {
		case "stolen":
			return sdk.StepResult{}, sdk.Permanentf("the card is stolen")
		case "slow":
			<-ctx.Done()
			return sdk.StepResult{}, ctx.Err()
		}
		return sdk.Success(map[string]any{"paid": json.Number("9007199254740993")}), nil
	})
	cfg := config.Default()
	cfg.Database.StatementTimeout, cfg.Database.LockTimeout = testdb.Patient.StatementTimeout, testdb.Patient.LockTimeout
	cfg.Database.URL = config.Secret(dsn)
	s, err := system.Open(t.Context(), cfg, system.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = s.Catalog.Register(t.Context(), template.New("shop", "order", "1.0.0",
		template.NewStep("validate", "validate"), template.NewStep("charge", "charge", "validate")), false)
	require.NoError(t, err)
	node, err := system.StartNode(t.Context(), s, &system.WorkerOptions{Registry: handlers})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Stop(context.Background())) })

	server, err := httpapi.NewServer(httpapi.Deps{
		Store: s.Store, Logger: s.Logger, TaskRequests: node.Orchestration.Actors.TaskRequestActor, Operators: node.Orchestration.Actors.Operators,
		Counters: node.Orchestration.Actors.Counters, Config: httpapi.Config{BindAddress: "127.0.0.1:0"},
	})
	require.NoError(t, err)
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, server.Shutdown(context.Background())) })
	base := "http://" + server.Addr().String()
	c, err := client.New(client.Config{BaseURL: base, Retries: -1})
	require.NoError(t, err)
	return c, s, base
}

func order(card string) sdk.TaskRequest {
	raw, err := json.Marshal(map[string]string{"card": card})
	if err != nil {
		panic(err)
	}
	return sdk.TaskRequest{Namespace: "shop", Name: "order", Version: "1.0.0", Context: raw, Tags: []string{card}}
}

func TestAClientSeesATaskFromItsRequestToItsEnd(t *testing.T) {
	t.Parallel()
	c, _, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	made, err := c.CreateTask(ctx, order("good"))
	require.NoError(t, err)
	require.Equal(t, "shop/order/1.0.0", made.Namespace+"/"+made.Name+"/"+made.Version)
	require.Equal(t, []string{"system", "tasker-core", "Task requested"}, []string{made.Initiator, made.SourceSystem, made.Reason})
	require.EqualValues(t, 2, made.TotalSteps)
	require.Len(t, made.Steps, 2)

	task, err := c.WaitTask(ctx, made.TaskUUID, 10*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, client.StatusComplete, task.Status)
	require.Equal(t, client.Float(100), task.CompletionPercentage)
	require.Equal(t, "all_complete", task.ExecutionStatus)
	require.NotNil(t, task.CompletedAt)

	steps, err := c.ListTaskSteps(ctx, made.TaskUUID)
	require.NoError(t, err)
	require.Len(t, steps, 2)
	validate, err := steps[0].Result()
	require.NoError(t, err)
	require.True(t, validate.Success)
	require.EqualValues(t, 3, validate.Metadata.Custom["checked"])
	charge, err := c.GetStep(ctx, made.TaskUUID, steps[1].StepUUID)
	require.NoError(t, err)
	require.Equal(t, steps[1], *charge)
	result, err := charge.Result()
	require.NoError(t, err)
	require.JSONEq(t, `{"paid":9007199254740993}`, string(result.Result))
	require.NotEmpty(t, result.Metadata.WorkerID)
	require.NotNil(t, result.Metadata.StartedAt)
	require.EqualValues(t, 1, charge.CompletedParents)
}

func TestAClientSeesWhyATaskIsBlockedAndCancelsIt(t *testing.T) {
	t.Parallel()
	c, _, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	made, err := c.CreateTask(ctx, order("stolen"))
	require.NoError(t, err)
	task, err := c.WaitTask(ctx, made.TaskUUID, 10*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, client.StatusBlockedByFailures, task.Status)
	require.Equal(t, "handle_failures", task.RecommendedAction)
	steps, err := c.ListTaskSteps(ctx, made.TaskUUID)
	require.NoError(t, err)
	failed, err := steps[1].Result()
	require.NoError(t, err)
	require.Equal(t, "the card is stolen", failed.Error.Message)
	require.False(t, failed.Success)

	cancelled, err := c.CancelTask(ctx, made.TaskUUID)
	require.NoError(t, err)
	require.Equal(t, client.StatusCancelled, cancelled.Status)
	_, err = c.CancelTask(ctx, made.TaskUUID)
	var refused *client.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, http.StatusBadRequest, refused.StatusCode)
	require.Contains(t, refused.Message, "it is cancelled already")
}

func TestACancelledHandlersResultIsDropped(t *testing.T) {
	t.Parallel()
	c, _, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	made, err := c.CreateTask(ctx, order("slow"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		task, err := c.GetTask(ctx, made.TaskUUID)
		return err == nil && task.Steps[1].CurrentState == "in_progress"
	}, 30*time.Second, 10*time.Millisecond)
	_, err = c.CancelTask(ctx, made.TaskUUID)
	require.NoError(t, err)
	task, err := c.GetTask(ctx, made.TaskUUID)
	require.NoError(t, err)
	require.Equal(t, client.StatusCancelled, task.Status)
	require.Equal(t, "cancelled", task.Steps[1].CurrentState)
}

func TestOneIdentityIsOneTask(t *testing.T) {
	t.Parallel()
	c, s, base := startLive(t)
	request := order("good")
	request.IdempotencyKey = "order-7"
	first, err := c.CreateTask(t.Context(), request)
	require.NoError(t, err)
	again, err := c.CreateTask(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, first.TaskUUID, again.TaskUUID)

	post := func() (task client.TaskResponse, replayed string) {
		resp, err := http.Post(base+"/v1/tasks", "application/json", strings.NewReader(
			`{"name":"order","namespace":"shop","version":"1.0.0","context":{"card":"good","n":1}}`))
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&task))
		return task, resp.Header.Get("Idempotent-Replayed")
	}
	one, replayed := post()
	require.Empty(t, replayed)
	two, replayed := post()
	require.Equal(t, "true", replayed)
	require.Equal(t, one.TaskUUID, two.TaskUUID)
	_, err = s.Store.Task(t.Context(), one.TaskUUID)
	require.NoError(t, err)
}

func TestAClientFindsTasksAndTemplates(t *testing.T) {
	t.Parallel()
	c, _, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, card := range []string{"good", "good", "stolen"} {
		made, err := c.CreateTask(ctx, order(card))
		require.NoError(t, err)
		_, err = c.WaitTask(ctx, made.TaskUUID, 10*time.Millisecond)
		require.NoError(t, err)
	}
	for status, count := range map[string]uint64{"": 3, client.StatusComplete: 2, client.StatusBlockedByFailures: 1, client.StatusPending: 1} {
		list, err := c.ListTasks(ctx, client.TaskQuery{Status: status, Namespace: "shop", Name: "order", PerPage: 1})
		require.NoError(t, err)
		require.Equal(t, count, list.Pagination.TotalCount, status)
		require.Len(t, list.Tasks, 1)
		require.Equal(t, count > 1, list.Pagination.HasNext)
		require.Empty(t, list.Tasks[0].Steps)
	}
	tagged, err := c.ListTasks(ctx, client.TaskQuery{Tags: []string{"stolen"}})
	require.NoError(t, err)
	require.EqualValues(t, 1, tagged.Pagination.TotalCount)

	templates, err := c.ListTemplates(ctx, "")
	require.NoError(t, err)
	require.Equal(t, []client.TemplateSummary{{Name: "order", Namespace: "shop", Version: "1.0.0", StepCount: 2}}, templates.Templates)
	require.Equal(t, 1, templates.Namespaces[0].TemplateCount)
	detail, err := c.GetTemplate(ctx, "shop", "order", "1.0.0")
	require.NoError(t, err)
	require.Equal(t, []client.StepDefinition{
		{Name: "validate", DefaultRetryable: true, DefaultMaxAttempts: template.DefaultMaxAttempts, ResultSchema: json.RawMessage(`null`)},
		{Name: "charge", DefaultRetryable: true, DefaultMaxAttempts: template.DefaultMaxAttempts, ResultSchema: json.RawMessage(`null`)},
	}, detail.Steps)
}

func TestAClientReadsWhatIsWrong(t *testing.T) {
	t.Parallel()
	c, _, _ := startLive(t)
	say := func(err error) string {
		var e *client.Error
		require.ErrorAs(t, err, &e)
		return e.Code + ": " + e.Message
	}
	_, err := c.CreateTask(t.Context(), sdk.TaskRequest{Namespace: "shop", Name: "odrer", Version: "1.0.0"})
	require.Equal(t, "NOT_FOUND: there is no template shop/odrer/1.0.0; did you mean shop/order/1.0.0?", say(err))
	priority := int32(101)
	_, err = c.CreateTask(t.Context(), sdk.TaskRequest{Namespace: "shop", Name: "", Version: "1.0.0", Priority: &priority})
	require.Equal(t, "BAD_REQUEST: name is required; priority 101 is not between -100 and 100", say(err))
	_, err = c.CreateTask(t.Context(), sdk.TaskRequest{Namespace: "shop", Name: "order", Version: "1.0.0", Reason: "a\x00b"})
	require.Contains(t, say(err), "cannot be stored")
	_, err = c.GetTask(t.Context(), sdk.NewUUID())
	require.True(t, client.IsNotFound(err))
	_, err = c.ListTaskSteps(t.Context(), sdk.NewUUID())
	require.True(t, client.IsNotFound(err))

	ready, err := c.Ready(t.Context())
	require.NoError(t, err)
	require.Equal(t, client.Healthy, ready.Status)

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	_, err = c.GetTask(ctx, sdk.NewUUID())
	require.ErrorContains(t, err, "gone")
}

func TestWhileTheDatabaseIsAwayTheServerSaysLater(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	c, _, base := startLiveOn(t, cluster.NewDB(t).DSN())
	made, err := c.CreateTask(t.Context(), order("good"))
	require.NoError(t, err)

	cluster.StopImmediate(t)
	for _, ask := range []func() error{
		func() error { _, err := c.GetTask(t.Context(), made.TaskUUID); return err },
		func() error { _, err := c.CancelTask(t.Context(), made.TaskUUID); return err },
		func() error { _, err := c.ListTemplates(t.Context(), ""); return err },
		func() error { _, err := c.CreateTask(t.Context(), order("good")); return err },
	} {
		var later *client.Error
		require.ErrorAs(t, ask(), &later)
		require.Equal(t, client.CodeServiceUnavailable, later.Code)
		require.Equal(t, http.StatusServiceUnavailable, later.StatusCode)
		require.Positive(t, later.RetryAfter)
		require.True(t, later.Recoverable())
	}
	ready, err := c.Ready(t.Context())
	require.NoError(t, err)
	require.Equal(t, client.Unhealthy, ready.Checks.WebDatabase.Status)
	_, err = c.Health(t.Context())
	require.NoError(t, err, "the process is alive")

	cluster.Start(t)
	patient, err := client.New(client.Config{BaseURL: base, Retries: 10})
	require.NoError(t, err)
	task, err := patient.GetTask(t.Context(), made.TaskUUID)
	require.NoError(t, err)
	require.Equal(t, made.TaskUUID, task.TaskUUID)
}
