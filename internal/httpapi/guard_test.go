package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk/client"
)

func TestOnlyKnownNamesReachTheServer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg  Config
		host string
		ok   bool
	}{
		"localhost":                    {Config{}, "localhost:8080", true},
		"without a port":               {Config{}, "LocalHost", true},
		"the address":                  {Config{}, "127.0.0.1:8080", true},
		"the other address":            {Config{}, "[::1]:8080", true},
		"the other without a port":     {Config{}, "[::1]", true},
		"a name that points here":      {Config{}, "evil.example:8080", false},
		"a name that looks like it":    {Config{}, "localhost.evil.example", false},
		"an address of the network":    {Config{}, "192.168.1.2:8080", false},
		"no name":                      {Config{}, "", false},
		"a configured name":            {Config{Hosts: []string{"tasker.internal"}}, "Tasker.internal:8080", true},
		"another than the configured":  {Config{Hosts: []string{"tasker.internal"}}, "evil.example", false},
		"any, open to the network":     {Config{BindAddress: "0.0.0.0:8080", AllowUnauthenticated: true}, "box.lan:8080", true},
		"allowed, yet not open":        {Config{AllowUnauthenticated: true}, "box.lan:8080", false},
		"open, the configured":         {Config{BindAddress: "0.0.0.0:8080", AllowUnauthenticated: true, Hosts: []string{"box.lan"}}, "box.lan", true},
		"open, another":                {Config{BindAddress: "0.0.0.0:8080", AllowUnauthenticated: true, Hosts: []string{"box.lan"}}, "evil.example", false},
		"the name that it is bound to": {Config{BindAddress: "box.lan:8080", AllowUnauthenticated: true, Hosts: []string{"x"}}, "box.lan:8080", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			f.deps.Config = tt.cfg
			w := f.ask(t, http.MethodGet, "/health", "", func(r *http.Request) { r.Host = tt.host })
			if tt.ok {
				require.Equal(t, http.StatusOK, w.Code)
				return
			}
			require.Contains(t, refused(t, w, 403, client.CodeForbidden), "this server is not called")
		})
	}
}

func TestPagesOfOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method string
		header map[string]string
		status int
	}{
		"a form of another site":         {http.MethodPost, map[string]string{"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}, 403},
		"an old browser of another site": {http.MethodPost, map[string]string{"Origin": "http://evil.example"}, 403},
		"our own page":                   {http.MethodPost, map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		"a program":                      {http.MethodPost, nil, 200},
		"a link on another site":         {http.MethodGet, map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
	} {
		f := newFixture()
		w := f.ask(t, tt.method, "/v1/tasks", goodRequest, func(r *http.Request) {
			for k, v := range tt.header {
				r.Header.Set(k, v)
			}
		})
		require.Equal(t, tt.status, w.Code, name)
		require.NotContains(t, w.Header(), "Access-Control-Allow-Origin")
		if tt.status == 403 {
			refused(t, w, 403, client.CodeForbidden)
			require.Zero(t, f.requests.got)
		}
	}
}

func TestRequestsHaveNames(t *testing.T) {
	t.Parallel()
	for given, kept := range map[string]bool{
		"r-1": true, "A_b.c:9": true, "": false, "a b": false, "a\"b": false, "ä": false, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
	} {
		w := newFixture().ask(t, http.MethodGet, "/health", "", func(r *http.Request) { r.Header.Set("X-Request-ID", given) })
		id := w.Header().Get("X-Request-ID")
		require.Equal(t, kept, id == given, given)
		require.True(t, kept || len(id) == 36)
	}
}

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.store.hook = func(context.Context) { panic("CANARY_panic") }
	w := f.ask(t, http.MethodGet, "/v1/tasks/"+fakeTask.String(), "", func(r *http.Request) { r.Header.Set("X-Request-ID", "r-1") })
	require.NotContains(t, refused(t, w, 500, client.CodeInternalError), "CANARY")
	require.Contains(t, f.log.String(), "CANARY_panic")
	require.Contains(t, f.log.String(), "fake_test.go")
	require.Contains(t, f.log.String(), "request_id=r-1")

	f.store.hook = func(context.Context) { panic(http.ErrAbortHandler) }
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { f.ask(t, http.MethodGet, "/v1/tasks/"+fakeTask.String(), "", nil) })
}
