package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/httpapi"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// apiDeps are what the API of this process stands on.
func apiDeps(s *system.SystemContext, core *system.OrchestrationCore) httpapi.Deps {
	d := httpapi.Deps{
		Store: s.Store, TaskRequests: core.Actors.TaskRequestActor, Operators: core.Actors.Operators, Logger: s.Logger, Counters: core.Actors.Counters, Config: apiConfig(s.Config),
		CacheStats: func() any { return s.Catalog.Stats() },
	}
	if s.Config.Web.ConfigEndpoint {
		d.Settings = func() any { return s.Settings() }
	}
	return d
}

func apiConfig(cfg *config.Config) httpapi.Config {
	return httpapi.Config{
		BindAddress: cfg.Web.BindAddress, AllowUnauthenticated: cfg.Web.InsecureAllowUnauthenticated, RequestTimeout: cfg.Web.RequestTimeout,
		Body:      payload.Limits{MaxBytes: cfg.Web.MaxBodyBytes, MaxDepth: cfg.Limits.MaxJSONDepth, MaxKeys: cfg.Limits.MaxJSONKeys},
		Staleness: system.StalenessThresholds(cfg.DLQ.StalenessDetection.Thresholds),
		Version:   system.Version, Environment: cfg.Environment,
	}
}

// inProcess is a client of the API of this process. Nothing listens anywhere.
func inProcess(s *system.SystemContext, core *system.OrchestrationCore) (*client.Client, error) {
	return client.New(client.Config{
		BaseURL:    "http://localhost",
		HTTPClient: &http.Client{Transport: handlerTransport{httpapi.New(apiDeps(s, core))}},
	})
}

// handlerTransport hands requests to a handler, which answers as a whole.
type handlerTransport struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &heldAnswer{header: http.Header{}}
	t.handler.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, context.Cause(r.Context())
	}
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Request: r,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}, nil
}

// heldAnswer is an answer that is kept until it is complete.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (w *heldAnswer) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter]; the first call counts.
func (w *heldAnswer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *heldAnswer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// serve starts the API of a node. failed tells when it breaks off.
func (n *node) serve(ctx context.Context, s *system.SystemContext, core *system.OrchestrationCore) (url string, failed <-chan error, err error) {
	server, err := httpapi.NewServer(apiDeps(s, core))
	if err != nil {
		return "", nil, err
	}
	if err := server.Start(ctx); err != nil {
		return "", nil, err
	}
	n.undo = append(n.undo, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, apiGrace)
		defer cancel()
		return server.Shutdown(ctx)
	})
	return "http://" + server.Addr().String(), server.Failed(), nil
}

// apiGrace is how long requests may take to end when the process stops.
const apiGrace = 10 * time.Second
