package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/sdk"
)

// roleVariable holds the role of a process, as JSON.
const roleVariable = "TASKER_E2E_ROLE"

// role is what a process of a test is.
type role struct {
	DSN     string
	Effects string
	// Socket is where a server takes requests; without one the process takes none.
	Socket string
	// Handlers make the process a worker that serves them.
	Handlers []string
	Slots    int
	Lease    time.Duration
	Poll     time.Duration
	// Sweep is the time between searches for lost steps.
	Sweep time.Duration
	// Grace is how long handlers may finish when the process is told to stop.
	Grace time.Duration
	// LockTimeout bounds how long its statements wait for a lock.
	LockTimeout time.Duration
	// HandlerTimeout bounds handlers whose template does not.
	HandlerTimeout time.Duration
	// UnknownHandlerGrace is how long a step waits for a handler that nobody offers.
	UnknownHandlerGrace time.Duration
	// Queued has results processed by servers rather than in place.
	Queued bool
	// DieAt names a statement at which the process kills itself, before it or, with DieAfter, after it.
	DieAt    string
	DieAfter bool
	// tracer sees the statements of a node in the test's own process.
	tracer store.Tracer
	// Deaf processes do not hear notifications, as behind a pooler.
	Deaf bool
	// Transport is the world's, unless it is set.
	Transport string
	// Namespaces are those that a worker serves; none means all.
	Namespaces []string
}

func (r role) config() *config.Config {
	c := config.Default()
	c.Database.URL = config.Secret(r.DSN)
	c.Database.Pool.MaxConnections, c.Database.Pool.MinConnections = 12, 1
	if r.Deaf {
		c.Database.Pooler = "transaction"
	}
	set(&c.Database.LockTimeout, r.LockTimeout)
	set(&c.Worker.Lease, r.Lease)
	set(&c.Worker.PollInterval, r.Poll)
	set(&c.Orchestration.ReapInterval, r.Sweep)
	set(&c.Worker.ShutdownGrace, r.Grace)
	set(&c.Worker.UnknownHandlerGrace, r.UnknownHandlerGrace)
	set(&c.Worker.MpscChannels.HandlerDispatch.HandlerTimeout, r.HandlerTimeout)
	set(&c.Worker.MpscChannels.HandlerDispatch.MaxConcurrentHandlers, r.Slots)
	set(&c.Queues.Backend, r.Transport)
	c.Queues.VisibilityTimeout, c.Queues.MaxReads = time.Second, 3
	c.Queues.Pgmq.PollInterval, c.Queues.Pgmq.ResendInterval = 100*time.Millisecond, 100*time.Millisecond
	c.Worker.Namespaces = r.Namespaces
	if r.Queued {
		c.Orchestration.Mode = "queue"
	}
	c.Shutdown.Timeout = 3 * time.Second
	return c
}

func set[T comparable](field *T, value T) {
	var none T
	if value != none {
		*field = value
	}
}

// node is the engine as it runs in one process.
type node struct {
	*system.Node
	system *system.SystemContext
}

// awaitSlots waits until so many slots are in use. A claim takes all that are free for a moment.
func awaitSlots(t testing.TB, slots *dispatch.Slots, want int) {
	t.Helper()
	require.Eventually(t, func() bool { return slots.InUse() == want }, patience, tick, "%d slots in use", want)
}

func startNode(ctx context.Context, r role, logger *slog.Logger) (*node, error) {
	o := system.Options{Name: "e2e", Logger: logger, Tracer: r.tracer}
	if r.DieAt != "" {
		o.Tracer = &deadly{at: r.DieAt, after: r.DieAfter}
	}
	s, err := system.Open(ctx, r.config(), o)
	if err != nil {
		return nil, err
	}
	var worker *system.WorkerOptions
	if r.Handlers != nil {
		worker = &system.WorkerOptions{Registry: handlers(effectLog(r.Effects), r.Handlers), Apart: r.Socket == ""}
	}
	n, err := system.StartNode(ctx, s, worker)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &node{n, s}, nil
}

func (n *node) stop(ctx context.Context) error { return errors.Join(n.Stop(ctx), n.system.Close()) }

func (n *node) submit(ctx context.Context, request sdk.TaskRequest) (orchestration.TaskRequestResult, error) {
	return actor.Ask(ctx, n.Orchestration.Actors.TaskRequestActor.Handle, orchestration.ProcessTaskRequestMessage{Request: request})
}

// play is the life of a process with a role, and returns its exit code.
func play(text string) int {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := live(text, logger); err != nil {
		logger.Error("the process ends", "error", err)
		return 1
	}
	return 0
}

func live(text string, logger *slog.Logger) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	go func() { // the test's end of the pipe closes when the test is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(7)
	}()
	told, forget := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer forget()
	n, err := startNode(told, r, logger)
	if err != nil {
		return err
	}
	if r.Socket != "" {
		listener, err := net.Listen("unix", r.Socket)
		if err != nil {
			return err
		}
		go func() { _ = http.Serve(listener, takeRequests(n)) }()
	}
	fmt.Println("ready")
	<-told.Done()
	return n.stop(context.Background())
}

// takeRequests serves task requests, as a server's API does.
func takeRequests(n *node) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request sdk.TaskRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		result, err := n.submit(r.Context(), request)
		switch {
		case errors.Is(err, store.ErrNotFound):
			http.Error(w, err.Error(), http.StatusNotFound)
		case err != nil:
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		default:
			_ = json.NewEncoder(w).Encode(result)
		}
	})
}
