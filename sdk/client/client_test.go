package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

// sent is a request as the server sees it.
type sent struct {
	at     time.Time
	method string
	uri    string
	header http.Header
	body   string
}

// server answers without a network, one function a try; the last one answers all further ones.
type server struct {
	answers []func() (*http.Response, error)
	seen    []sent
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.seen = append(s.seen, sent{time.Now(), r.Method, r.URL.RequestURI(), r.Header, string(raw)})
	answer := s.answers[min(len(s.seen), len(s.answers))-1]
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	return answer()
}

func reply(status int, body string, headers ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		rec := httptest.NewRecorder()
		for i := 0; i < len(headers); i += 2 {
			rec.Header().Set(headers[i], headers[i+1])
		}
		rec.WriteHeader(status)
		rec.WriteString(body)
		return rec.Result(), nil
	}
}

func fail(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

var (
	errReset  = &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	errDial   = &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	busy      = `{"error":{"code":"BACKPRESSURE","message":"later"}}`
	pending   = `{"status":"pending"}`
	done      = `{"status":"complete"}`
	cancelled = `{"status":"cancelled"}`
)

func newClient(t *testing.T, cfg Config, answers ...func() (*http.Response, error)) (*Client, *server) {
	t.Helper()
	s := &server{answers: answers}
	cfg.HTTPClient = &http.Client{Transport: s}
	c, err := New(cfg)
	require.NoError(t, err)
	return c, s
}

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

func TestRetriesWaitLongerEachTimeUnlessTheServerSaysHowLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := newClient(t, Config{Backoff: time.Second}, reply(429, busy), fail(errReset), reply(503, busy, "Retry-After", "30"), reply(200, done))
		_, err := c.GetTask(t.Context(), sdk.UUID{})
		require.NoError(t, err)
		require.Len(t, s.seen, 4)
		wait := func(i int) time.Duration { return s.seen[i+1].at.Sub(s.seen[i].at) }
		require.InDelta(t, 1, wait(0).Seconds(), 0.5)
		require.InDelta(t, 2, wait(1).Seconds(), 1)
		require.Equal(t, 30*time.Second, wait(2))
	})
}

func TestWhatWillNotChangeIsNotSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, answer := range map[string]func() (*http.Response, error){
			"a bad request":       reply(400, `{"error":{"code":"BAD_REQUEST","message":"no"}}`),
			"an internal error":   reply(500, `{"error":{"code":"INTERNAL_ERROR","message":"no"}}`),
			"a redirect":          reply(302, ``, "Location", "http://elsewhere"),
			"an answer not ours":  reply(200, `<html>`),
			"a Retry-After of 1h": reply(503, busy, "Retry-After", "3600"),
		} {
			c, s := newClient(t, Config{}, answer)
			c.cfg.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			_, err := c.GetTask(t.Context(), sdk.UUID{})
			require.Error(t, err, name)
			require.Len(t, s.seen, 1, name)
		}
		for retries, tries := range map[int]int{0: 4, 1: 2, -1: 1} {
			c, s := newClient(t, Config{Retries: retries}, fail(errReset))
			_, err := c.GetTask(t.Context(), sdk.UUID{})
			require.ErrorIs(t, err, errReset)
			require.Len(t, s.seen, tries)
		}
	})
}

func TestErrorsSayWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer      func() (*http.Response, error)
		want        Error
		text        string
		recoverable bool
	}{
		"not found": {reply(404, `{"error":{"code":"NOT_FOUND","message":"no such task"}}`, "X-Request-ID", "r1"),
			Error{StatusCode: 404, Code: CodeNotFound, Message: "no such task", RequestID: "r1"},
			"tasker server: 404 NOT_FOUND: no such task", false},
		"internal": {reply(500, `{"error":{"code":"INTERNAL_ERROR","message":"it is logged"}}`, "X-Request-ID", "r1"),
			Error{StatusCode: 500, Code: CodeInternalError, Message: "it is logged", RequestID: "r1"},
			"tasker server: 500 INTERNAL_ERROR: it is logged (request r1)", false},
		"later": {reply(503, busy, "Retry-After", "7"),
			Error{StatusCode: 503, Code: CodeBackpressure, Message: "later", RetryAfter: 7 * time.Second},
			"tasker server: 503 BACKPRESSURE: later", true},
		"a proxy": {reply(502, `<html>`),
			Error{StatusCode: 502, Code: CodeServiceUnavailable, Message: "GET /health: Bad Gateway"},
			"tasker server: 502 SERVICE_UNAVAILABLE: GET /health: Bad Gateway", true},
		"no API": {reply(404, `404 page not found`),
			Error{StatusCode: 404, Code: CodeBadAnswer, Message: "GET /health: Not Found"},
			"tasker server: 404 BAD_ANSWER: GET /health: Not Found", false},
	} {
		c, _ := newClient(t, Config{Retries: -1}, tt.answer)
		_, err := c.Health(t.Context())
		var got *Error
		require.ErrorAs(t, err, &got, name)
		require.Equal(t, tt.want, *got, name)
		require.EqualError(t, err, tt.text)
		require.Equal(t, tt.recoverable, got.Recoverable(), name)
		require.Equal(t, tt.want.StatusCode == 404, IsNotFound(err))
	}
	c, _ := newClient(t, Config{Retries: -1}, fail(errDial))
	_, err := c.Health(t.Context())
	var got *Error
	require.ErrorAs(t, err, &got)
	require.Equal(t, CodeConnection, got.Code)
	require.True(t, got.Recoverable())
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

func TestATryTakesNoLongerThanItsTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c, err := New(Config{Retries: 1, Timeout: 5 * time.Second, Backoff: time.Second, HTTPClient: &http.Client{Transport: slow}})
		require.NoError(t, err)
		start := time.Now()
		_, err = c.GetTask(t.Context(), sdk.UUID{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.InDelta(t, 11, time.Since(start).Seconds(), 0.5)

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start = time.Now()
		_, err = c.GetTask(ctx, sdk.UUID{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(start), "the caller's time is up: no retry")
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

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
