package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

func TestEachCallIsTheRightRequest(t *testing.T) {
	t.Parallel()
	task := sdk.UUID{15: 1}
	step := sdk.StepUUID(task, 3)
	for want, call := range map[string]func(context.Context, *Client) error{
		"GET /v1/tasks/" + task.String(): func(ctx context.Context, c *Client) error {
			_, err := c.GetTask(ctx, task)
			return err
		},
		"DELETE /v1/tasks/" + task.String(): func(ctx context.Context, c *Client) error {
			_, err := c.CancelTask(ctx, task)
			return err
		},
		"GET /v1/tasks/" + task.String() + "/workflow_steps/" + step.String(): func(ctx context.Context, c *Client) error {
			_, err := c.GetStep(ctx, task, step)
			return err
		},
		"GET /v1/tasks": func(ctx context.Context, c *Client) error {
			_, err := c.ListTasks(ctx, TaskQuery{})
			return err
		},
		"GET /v1/tasks?initiator=ada&name=order&namespace=shop&page=2&per_page=10&source_system=web&status=error&tag=a&tag=b%26c": func(ctx context.Context, c *Client) error {
			_, err := c.ListTasks(ctx, TaskQuery{Page: 2, PerPage: 10, Status: "error", Namespace: "shop", Name: "order",
				Initiator: "ada", SourceSystem: "web", Tags: []string{"a", "b&c"}})
			return err
		},
		"GET /v1/tasks?since=2026-01-31T11%3A00%3A00Z&until=2026-01-31T12%3A00%3A00.5Z": func(ctx context.Context, c *Client) error {
			noon := time.Date(2026, 1, 31, 13, 0, 0, 5e8, time.FixedZone("CET", 3600))
			_, err := c.ListTasks(ctx, TaskQuery{Since: noon.Add(-time.Hour).Truncate(time.Hour), Until: noon})
			return err
		},
		"GET /v1/analytics/performance": func(ctx context.Context, c *Client) error {
			_, err := c.Performance(ctx, 0)
			return err
		},
		"GET /v1/analytics/bottlenecks?limit=3&min_executions=7": func(ctx context.Context, c *Client) error {
			_, err := c.Bottlenecks(ctx, 3, 7)
			return err
		},
		"GET /v1/templates": func(ctx context.Context, c *Client) error {
			_, err := c.ListTemplates(ctx, "")
			return err
		},
		"GET /v1/templates?namespace=a+b": func(ctx context.Context, c *Client) error {
			_, err := c.ListTemplates(ctx, "a b")
			return err
		},
		"GET /v1/templates/a%2Fb/c%20d/1.0.0": func(ctx context.Context, c *Client) error {
			_, err := c.GetTemplate(ctx, "a/b", "c d", "1.0.0")
			return err
		},
		"GET /health": func(ctx context.Context, c *Client) error {
			_, err := c.Health(ctx)
			return err
		},
		"GET /health/ready": func(ctx context.Context, c *Client) error {
			_, err := c.Ready(ctx)
			return err
		},
	} {
		c, s := newClient(t, Config{APIKey: "secret"}, reply(200, `{}`))
		require.NoError(t, call(t.Context(), c))
		require.Len(t, s.seen, 1)
		require.Equal(t, want, s.seen[0].method+" "+s.seen[0].uri)
		require.Equal(t, "secret", s.seen[0].header.Get("X-API-Key"))
		require.NotEmpty(t, s.seen[0].header.Get("X-Request-ID"))
		require.Empty(t, s.seen[0].body)
	}
	c, s := newClient(t, Config{BaseURL: "https://tasker.example/api/"}, reply(200, `[]`))
	_, err := c.ListTaskSteps(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, "/api/v1/tasks/"+task.String()+"/workflow_steps", s.seen[0].uri)
	require.NotContains(t, s.seen[0].header, "X-Api-Key")
}

func TestCreateIsSentAgainUnderOneKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := newClient(t, Config{}, fail(errReset), reply(503, busy), reply(200, pending))
		task, err := c.CreateTask(t.Context(), sdk.TaskRequest{Namespace: "shop", Name: "order", Version: "1.0.0"})
		require.NoError(t, err)
		require.Equal(t, StatusPending, task.Status)
		require.Len(t, s.seen, 3)
		var body struct {
			Context        json.RawMessage `json:"context"`
			IdempotencyKey string          `json:"idempotency_key"`
		}
		require.NoError(t, json.Unmarshal([]byte(s.seen[0].body), &body))
		require.Len(t, body.IdempotencyKey, 36)
		require.JSONEq(t, `{}`, string(body.Context))
		require.Equal(t, s.seen[0].body, s.seen[2].body)
		require.Equal(t, s.seen[0].header.Get("X-Request-ID"), s.seen[2].header.Get("X-Request-ID"))
		require.Equal(t, "application/json", s.seen[0].header.Get("Content-Type"))

		_, err = c.CreateTask(t.Context(), sdk.TaskRequest{})
		require.NoError(t, err)
		require.NotContains(t, s.seen[3].body, body.IdempotencyKey, "another call, another task")
		_, err = c.CreateTask(t.Context(), sdk.TaskRequest{IdempotencyKey: "mine", Context: json.RawMessage(`[1]`)})
		require.NoError(t, err)
		require.Contains(t, s.seen[4].body, `"idempotency_key":"mine"`)
		require.Contains(t, s.seen[4].body, `"context":[1]`)
	})
}

func TestCreateWithoutAKeyIsSentAgainOnlyIfItNeverLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			first func() (*http.Response, error)
			tries int
		}{
			"never left":  {fail(errDial), 2},
			"broke off":   {fail(errReset), 1},
			"unavailable": {reply(503, busy), 1},
		} {
			c, s := newClient(t, Config{TemplateIdentity: true}, tt.first, reply(200, pending))
			_, err := c.CreateTask(t.Context(), sdk.TaskRequest{})
			require.Equal(t, tt.tries == 2, err == nil, name)
			require.Len(t, s.seen, tt.tries, name)
			require.NotContains(t, s.seen[0].body, "idempotency_key")
		}
	})
}

func TestAnUnreadyServerAnswersToo(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, Config{}, reply(503, `{"status":"unhealthy","checks":{"web_database":{"status":"unhealthy","message":"away"}}}`))
	ready, err := c.Ready(t.Context())
	require.NoError(t, err)
	require.Equal(t, Unhealthy, ready.Status)
	require.Equal(t, "away", *ready.Checks.WebDatabase.Message)
}

func TestACancelWhoseAnswerWasLostIsFoundDone(t *testing.T) {
	t.Parallel()
	refused := reply(400, `{"error":{"code":"BAD_REQUEST","message":"it is cancelled already"}}`)
	synctest.Test(t, func(t *testing.T) {
		c, s := newClient(t, Config{}, fail(errReset), refused, reply(200, cancelled))
		task, err := c.CancelTask(t.Context(), sdk.UUID{})
		require.NoError(t, err)
		require.Equal(t, StatusCancelled, task.Status)
		require.Equal(t, http.MethodGet, s.seen[2].method)

		c, _ = newClient(t, Config{}, fail(errReset), refused, reply(200, done))
		_, err = c.CancelTask(t.Context(), sdk.UUID{})
		require.ErrorContains(t, err, "already", "it ended in another way")

		c, s = newClient(t, Config{}, refused)
		_, err = c.CancelTask(t.Context(), sdk.UUID{})
		require.ErrorContains(t, err, "already", "somebody else cancelled it")
		require.Len(t, s.seen, 1)
	})
}

func TestWaitTaskLooksUntilTheTaskRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := newClient(t, Config{}, reply(200, pending), reply(200, pending), reply(200, `{"status":"blocked_by_failures"}`))
		task, err := c.WaitTask(t.Context(), sdk.UUID{}, 0)
		require.NoError(t, err)
		require.Equal(t, StatusBlockedByFailures, task.Status)
		require.Equal(t, 2*DefaultPoll, s.seen[2].at.Sub(s.seen[0].at))

		ctx, cancel := context.WithTimeout(t.Context(), 55*time.Second)
		defer cancel()
		c, s = newClient(t, Config{}, reply(200, pending))
		_, err = c.WaitTask(ctx, sdk.UUID{}, 10*time.Second)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Len(t, s.seen, 6)

		c, _ = newClient(t, Config{}, reply(404, `{"error":{"code":"NOT_FOUND","message":"no"}}`))
		_, err = c.WaitTask(t.Context(), sdk.UUID{}, 0)
		require.True(t, IsNotFound(err))
	})
}

func TestOurOwnClientDoesNotCarryTheKeyElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	here := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer here.Close()
	c, err := New(Config{BaseURL: here.URL, APIKey: "secret"})
	require.NoError(t, err)
	_, err = c.Health(t.Context())
	require.ErrorContains(t, err, "307")
}

func TestABaseURLMustBeOne(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"localhost:8080", "ftp://host", "http://", "::", "/v1"} {
		_, err := New(Config{BaseURL: bad})
		require.ErrorContains(t, err, "is not like http://127.0.0.1:8080", bad)
	}
	c, err := New(Config{})
	require.NoError(t, err)
	require.Equal(t, DefaultBaseURL, c.base.String())
	require.Equal(t, 30*time.Second, c.cfg.Timeout)
}
