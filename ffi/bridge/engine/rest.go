package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

// rest calls the REST API, of a server or of this process. Bodies go through as they are.
type rest struct {
	base *url.URL
	key  string
	via  http.RoundTripper
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// newRest speaks to a server. Proxies are not asked for: they would come from the environment the program started with.
func newRest(base, key string) (*rest, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, bridge.Errorf(bridge.EInvalid, "url %q is not like http://127.0.0.1:8080", base).With("key", "url")
	}
	return &rest{base: u, key: key, via: &http.Transport{MaxIdleConnsPerHost: 16, ForceAttemptHTTP2: true}}, nil
}

// newLocalRest speaks to a handler in this process.
func newLocalRest(h http.Handler) *rest {
	return &rest{base: &url.URL{Scheme: "http", Host: "localhost"}, via: local{h}}
}

func (r *rest) do(ctx context.Context, method, path string, query url.Values, body []byte) ([]byte, error) {
	target := r.base.JoinPath(path)
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, bridge.Errorf(bridge.EInvalid, "%s", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "libtasker")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		req.Header.Set("X-API-Key", r.key)
	}
	resp, err := r.via.RoundTrip(req)
	if err != nil {
		return nil, connectionError(ctx, method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, connectionError(ctx, method, path, err)
	case len(raw) > maxAnswer:
		return nil, bridge.Errorf(bridge.ETooLarge, "%s %s: the answer has more than %d bytes", method, path, maxAnswer).With("limit", maxAnswer)
	case resp.StatusCode/100 == 2, resp.StatusCode == http.StatusServiceUnavailable && strings.HasPrefix(path, "health"):
		return bytes.TrimSpace(raw), nil
	}
	return nil, refusal(method, path, resp, raw)
}

func connectionError(ctx context.Context, method, path string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := bridge.Errorf(bridge.EBusy, "%s %s: %s", method, path, err)
	e.Message = "the server does not answer: " + e.Message
	return e
}

// refusal turns the API's error into one of the C interface.
func refusal(method, path string, resp *http.Response, raw []byte) error {
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(raw, &body); err != nil || body.Error.Message == "" {
		body.Error.Message = fmt.Sprintf("%s %s: %s", method, path, resp.Status)
	}
	code, ok := statusCodes[resp.StatusCode]
	if !ok {
		code = bridge.EInternal
	}
	e := bridge.Errorf(code, "%s", body.Error.Message).With("http_status", resp.StatusCode)
	if body.Error.Code != "" {
		e.With("error_code", body.Error.Code)
	}
	if after := resp.Header.Get("Retry-After"); after != "" {
		e.With("retry_after", after)
	}
	return e
}

var statusCodes = map[int]bridge.Code{
	http.StatusBadRequest: bridge.EInvalid, http.StatusUnprocessableEntity: bridge.EInvalid, http.StatusUnauthorized: bridge.EDenied,
	http.StatusForbidden: bridge.EDenied, http.StatusNotFound: bridge.ENotFound, http.StatusMethodNotAllowed: bridge.EUnsupported,
	http.StatusConflict: bridge.EConflict, http.StatusRequestEntityTooLarge: bridge.ETooLarge, http.StatusRequestTimeout: bridge.EDeadline,
	http.StatusTooManyRequests: bridge.EBusy, http.StatusServiceUnavailable: bridge.EDatabase, http.StatusGatewayTimeout: bridge.EDeadline,
	http.StatusBadGateway: bridge.EBusy,
}

// local carries requests to a handler in this process.
type local struct{ handler http.Handler }

func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	r.RemoteAddr = "127.0.0.1:0"
	w := &answer{header: http.Header{}, status: http.StatusOK}
	l.handler.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: w.status, Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		Header: w.header, Body: io.NopCloser(&w.body), Request: r,
	}, nil
}

// answer is a [http.ResponseWriter] in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

func (r *rest) close() {
	if t, ok := r.via.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}
