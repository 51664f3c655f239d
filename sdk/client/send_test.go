package client

import (
	"context"
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
