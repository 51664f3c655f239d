// Package worker runs Go step handlers: it claims the steps they serve from the database, runs them and keeps their
// results. Any number of workers, in any number of processes, share the work.
//
//	func main() {
//		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//		defer stop()
//
//		handlers := sdk.NewRegistry()
//		handlers.Register("order.validate_cart", sdk.Typed(validateCart))
//		if err := worker.Run(ctx, handlers, worker.Options{Templates: []string{"templates"}}); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// Without DATABASE_URL it uses Tasker's private PostgreSQL, which it starts when it does not run yet.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Options tune a worker; the zero value is ready to use. What is left out comes from the configuration: TOML files and
// environment variables, then defaults (docs/config.md).
type Options struct {
	// DatabaseURL is PostgreSQL's address. Without it and without DATABASE_URL the private server is used.
	DatabaseURL string
	// DataDir is the folder of the private server.
	DataDir string
	// Name of the worker in leases, logs and results. One is made up by default.
	Name string
	// Namespaces whose steps the worker takes; all by default.
	Namespaces []string
	// Templates are files, folders or patterns of templates to register at start.
	Templates []string
	// Concurrency is how many steps run at once. Defaults to 10.
	Concurrency int
	// Lease is how long a step stays with a worker that no longer answers. Defaults to 15 seconds.
	Lease time.Duration
	// ShutdownGrace is how long handlers may finish when the worker stops. Defaults to 30 seconds.
	ShutdownGrace time.Duration
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

// Worker is a running worker.
type Worker struct {
	system *system.SystemContext
	node   *system.Node
}

// Run runs a worker until ctx is done, and then stops it gracefully.
func Run(ctx context.Context, handlers sdk.StepHandlerRegistry, o Options) error {
	w, err := Start(ctx, handlers, o)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return w.Stop(context.WithoutCancel(ctx))
}

// Start starts a worker. ctx bounds the start alone.
func Start(ctx context.Context, handlers sdk.StepHandlerRegistry, o Options) (*Worker, error) {
	cfg, _, err := config.Load(config.Options{Dir: ".", Environ: os.Environ()})
	if err != nil {
		return nil, err
	}
	o.apply(cfg)
	s, err := system.Open(ctx, cfg, system.Options{Name: "tasker worker", Logger: o.Logger})
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	if len(o.Templates) > 0 {
		if _, err := system.RegisterTemplates(ctx, s, o.Templates, false); err != nil {
			return nil, errors.Join(fmt.Errorf("start worker: %w", err), s.Close())
		}
	}
	n, err := system.StartNode(ctx, s, &system.WorkerOptions{Registry: handlers})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start worker: %w", err), s.Close())
	}
	return &Worker{system: s, node: n}, nil
}

func (o *Options) apply(cfg *config.Config) {
	set(&cfg.Database.URL, config.Secret(o.DatabaseURL))
	set(&cfg.Database.DataDir, o.DataDir)
	set(&cfg.Worker.ID, o.Name)
	set(&cfg.Worker.MpscChannels.HandlerDispatch.MaxConcurrentHandlers, o.Concurrency)
	set(&cfg.Worker.Lease, o.Lease)
	set(&cfg.Worker.ShutdownGrace, o.ShutdownGrace)
	if len(o.Namespaces) > 0 {
		cfg.Worker.Namespaces = o.Namespaces
	}
}

// set overrides a setting with an option that is given.
func set[T comparable](setting *T, option T) {
	var none T
	if option != none {
		*setting = option
	}
}

// CreateTask makes a task by a registered template and returns its UUID; existing says that an earlier request of the
// same identity made it.
func (w *Worker) CreateTask(ctx context.Context, r sdk.TaskRequest) (id sdk.UUID, existing bool, err error) {
	created, err := actor.Ask(ctx, w.node.Orchestration.Actors.TaskRequestActor.Handle, orchestration.ProcessTaskRequestMessage{Request: r})
	return created.TaskUUID, created.Existing, err
}

// WaitTask waits until a task has come to rest and returns its state: complete, error, cancelled, resolved_manually, or
// blocked_by_failures.
func (w *Worker) WaitTask(ctx context.Context, id sdk.UUID) (state string, err error) {
	rest, err := w.node.Orchestration.Actors.Endings.Wait(ctx, id)
	return string(rest), err
}

// Stop claims no more, lets running handlers finish within the grace, keeps their results, gives back what was not
// started, and closes the database. It leaves no lease behind.
func (w *Worker) Stop(ctx context.Context) error {
	return errors.Join(w.node.Stop(ctx), w.system.Close())
}
