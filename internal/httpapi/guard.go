package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// guard stands before every route: it names the request, keeps browsers of other sites out, bounds the time, catches
// panics and logs.
func (a *api) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		id := nameRequest(r)
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), requestIDKey{}, id), a.Config.RequestTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		out := &statusWriter{ResponseWriter: w}
		h := out.Header()
		h.Set("X-Request-ID", id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		defer func() {
			if v := recover(); v != nil {
				a.panicked(out, r, v)
			}
			a.answered[min(out.status/100, len(a.answered)-1)].Add(1)
			a.log(r, out.status, time.Since(begun))
		}()
		switch err := origins.Check(r); {
		case !a.knownHost(r.Host):
			a.fail(out, r, refuse(http.StatusForbidden, client.CodeForbidden, "this server is not called %q: add the name to its hosts, or use localhost", r.Host))
		case err != nil:
			a.fail(out, r, refuse(http.StatusForbidden, client.CodeForbidden, "web pages of another site may not change anything here"))
		default:
			next.ServeHTTP(out, r)
		}
	})
}

type requestIDKey struct{}

func requestID(r *http.Request) string {
	id, _ := r.Context().Value(requestIDKey{}).(string)
	return id
}

// nameRequest takes the client's name for the request if it can stand in a log, or makes one up.
func nameRequest(r *http.Request) string {
	id := r.Header.Get("X-Request-ID")
	plain := !strings.ContainsFunc(id, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune("-_.:", c)
	})
	if id == "" || len(id) > 128 || !plain {
		return sdk.NewUUID().String()
	}
	return id
}

// knownHost keeps a web page from reaching a server on the reader's own machine under a name that the page's owner made
// point there. Addresses cannot be made to point elsewhere.
func (a *api) knownHost(hostport string) bool {
	host := hostname(hostport)
	if a.Config.AllowUnauthenticated && len(a.Config.Hosts) == 0 && !loopback(hostname(a.Config.BindAddress)) {
		return true
	}
	return loopback(host) || strings.EqualFold(host, hostname(a.Config.BindAddress)) ||
		slices.ContainsFunc(a.Config.Hosts, func(known string) bool { return strings.EqualFold(host, known) })
}

// hostname takes the port and brackets off.
func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// loopback says whether only this machine can reach the host.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// statusWriter remembers what was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (a *api) panicked(w *statusWriter, r *http.Request, value any) {
	if value == http.ErrAbortHandler {
		panic(value)
	}
	a.Logger.ErrorContext(r.Context(), "panic in a request", "method", r.Method, "path", r.URL.Path, "request_id", requestID(r),
		"panic", fmt.Sprint(value), "stack", string(debug.Stack()))
	if w.status == 0 {
		_ = write(w, http.StatusInternalServerError, client.ErrorResponse{
			Error: client.ErrorDetail{Code: client.CodeInternalError, Message: a.logged(r)},
		})
	}
}

func (a *api) log(r *http.Request, status int, took time.Duration) {
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	a.Logger.Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path, "status", status, "took", took, "request_id", requestID(r))
}
