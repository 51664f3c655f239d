// Package workerapi serves a worker's own web API: its health, what it counts, and the templates it knows. It is the same for
// workers of every language, since it asks the core alone.
package workerapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/worker"
)

// Deps are what the API stands on; all but Settings are required.
type Deps struct {
	Store   *store.Store
	Catalog *catalog.Catalog
	Actors  *worker.WorkerActorRegistry
	Logger  *slog.Logger
	// Settings is what /config shows: nothing secret. Without it there is no /config.
	Settings func() any
	Config   Config
}

// Config tunes the API.
type Config struct {
	// BindAddress is the host and port to listen on.
	BindAddress string
	// AllowAnyHost answers requests by whatever name they call this worker; without it only loopback names and BindAddress.
	AllowAnyHost bool
	// Version and Environment are shown by the API, as are Namespaces, those that the worker serves; empty means all.
	Version, Environment string
	Namespaces           []string
}

// Server serves the API.
type Server struct {
	http *http.Server
	addr net.Addr
	log  *slog.Logger
}

// Start listens, and serves until [Server.Shutdown].
func Start(ctx context.Context, d Deps) (*Server, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", d.Config.BindAddress)
	if err != nil {
		return nil, fmt.Errorf("serve the worker's API on %s (worker.web.bind_address sets another): %w", d.Config.BindAddress, err)
	}
	s := &Server{addr: l.Addr(), log: d.Logger, http: &http.Server{
		Handler: New(d), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10,
	}}
	d.Logger.InfoContext(ctx, "the worker's API is served", "address", "http://"+l.Addr().String())
	go func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the worker's API broke off", "error", err)
		}
	}()
	return s, nil
}

// Addr is where the server listens; with port 0 the system chose the port.
func (s *Server) Addr() net.Addr { return s.addr }

// Shutdown takes no more requests and waits for those that run, until ctx is done.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop serving the worker's API: %w", err), s.http.Close())
	}
	return nil
}

// api holds the handlers.
type api struct{ Deps }

// failure is what a client hears that asks for what is not there.
type failure struct {
	status        int
	code, message string
}

func (f *failure) Error() string { return f.message }

// New makes the API's handler.
func New(d Deps) http.Handler {
	a := &api{d}
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(*http.Request) (any, error){
		"GET /health":                             a.live,
		"GET /health/live":                        a.live,
		"GET /health/ready":                       a.ready,
		"GET /health/detailed":                    a.detailed,
		"GET /config":                             a.settings,
		"GET /metrics/worker":                     a.workerMetrics,
		"GET /metrics/events":                     a.eventMetrics,
		"GET /v1/templates":                       a.listTemplates,
		"POST /v1/templates/refresh":              a.refreshTemplates,
		"GET /v1/templates/{ns}/{name}/{version}": a.getTemplate,
		"POST /v1/templates/{ns}/{name}/{version}/validate": a.validateTemplate,
	} {
		mux.Handle(pattern, a.answer(h))
	}
	mux.HandleFunc("GET /metrics", a.prometheus)
	return a.guard(mux)
}

// settings shows the configuration, if the process lets it.
func (a *api) settings(*http.Request) (any, error) {
	if a.Settings == nil {
		return nil, &failure{http.StatusNotFound, "NOT_FOUND", "this worker does not show its configuration (web.config_endpoint)"}
	}
	return a.Settings(), nil
}

// guard keeps web pages from reaching the worker on the reader's own machine, by a name that their owner made point there or
// by a request from another site.
func (a *api) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if !a.knownHost(r.Host) || origins.Check(r) != nil {
			a.write(w, http.StatusForbidden, errorBody("FORBIDDEN", "this worker does not answer requests by this name or from this site"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *api) knownHost(hostport string) bool {
	host, own := hostname(hostport), hostname(a.Config.BindAddress)
	ip := net.ParseIP(host)
	return a.Config.AllowAnyHost || strings.EqualFold(host, "localhost") || strings.EqualFold(host, own) || ip != nil && ip.IsLoopback()
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// status is a body that goes out with a status of its own.
type status struct {
	code int
	body any
}

func (a *api) answer(h func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := h(r)
		var refused *failure
		switch {
		case errors.As(err, &refused):
			a.write(w, refused.status, errorBody(refused.code, refused.message))
		case err != nil:
			a.Logger.ErrorContext(r.Context(), "request to the worker failed", "path", r.URL.Path, "error", err)
			a.write(w, http.StatusServiceUnavailable, errorBody("SERVICE_UNAVAILABLE", "the worker could not find out; its log says why"))
		default:
			code := http.StatusOK
			if s, ok := body.(status); ok {
				code, body = s.code, s.body
			}
			a.write(w, code, body)
		}
	})
}

func errorBody(code, message string) any {
	return map[string]any{"error": map[string]string{"code": code, "message": message}}
}

func (a *api) write(w http.ResponseWriter, code int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		a.Logger.Error("the worker's answer cannot be encoded", "error", err)
		code, raw = http.StatusInternalServerError, []byte(`{"error":{"code":"INTERNAL_ERROR","message":"the answer cannot be encoded"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(raw) // a client that is gone needs no answer
}

func (a *api) status(ctx context.Context) (worker.WorkerStatus, error) {
	return actor.Ask(ctx, a.Actors.WorkerStatusActor.HandleGetWorkerStatus, worker.GetWorkerStatusMessage{})
}
