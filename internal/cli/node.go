package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/builtin"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/sdk"
)

// node is a process that runs until it is stopped: dev, server or worker.
type node struct {
	app      *app
	kind     string
	settings overrides
	force    bool
	// api says whether it serves the HTTP API, builtin whether it runs the built-in handlers.
	api, builtin bool

	cfg    *config.Config
	origin config.Origins
	logger *slog.Logger
	// undo holds what has to be stopped, last started first.
	undo []func(context.Context) error
}

func (n *node) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(n.settings.texts("task_templates.search_paths", "--templates"), "templates", "register the templates of this `folder`, file or pattern at start; can be repeated (default config/tasks, if there)")
	f.BoolVar(&n.force, "force", false, "let templates replace others of the same version; tasks that run keep theirs")
}

func (n *node) addAPIFlags(cmd *cobra.Command) {
	cmd.Flags().Var(n.settings.text("web.bind_address", "--bind"), "bind", "`address` of the HTTP API (default 127.0.0.1:8080); port 0 picks a free one")
}

func (n *node) addWorkerFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&n.builtin, "builtin", false, "run the built-in handlers: "+strings.Join(builtin.NewRegistry(nil).RegisteredHandlers(), ", "))
	f.Var(n.settings.span("worker.lease_ms", "--lease"), "lease", "how long a step stays with a worker that no longer answers (default 15s)")
	f.Var(n.settings.number("worker.mpsc_channels.handler_dispatch.max_concurrent_handlers", "--slots"), "slots", "steps that run at once (default 10)")
	f.Var(n.settings.texts("worker.namespaces", "--namespace"), "namespace", "take steps of this `namespace` only; can be repeated (default all)")
	f.Var(n.settings.span("worker.shutdown_grace_ms", "--grace"), "grace", "how long handlers may finish when the process is asked to stop (default 30s)")
}

// run starts the process, tells that it is ready, and stops it when it is asked to.
func (n *node) run(ctx context.Context) (err error) {
	if n.cfg, n.origin, err = n.app.load(n.settings.list...); err != nil {
		return err
	}
	if n.logger, err = n.app.logger(n.cfg); err != nil {
		return err
	}
	ready, failed, err := n.start(ctx)
	if err != nil {
		return errors.Join(err, n.stop())
	}
	fmt.Fprintf(n.app.Stdout, "tasker %s ready %s\n", n.kind, ready)
	select {
	case <-ctx.Done():
		n.logger.Info("stopping: handlers that run may finish", "grace", n.cfg.Worker.ShutdownGrace)
	case err = <-failed:
	}
	err = errors.Join(err, n.stop())
	if n.hurried() {
		return &exitError{exitInterrupted, errors.Join(errInterrupted, err)}
	}
	if err == nil {
		n.logger.Info("stopped")
	}
	return err
}

// start starts what the process is made of. ready is the line for whoever waits for it, failed tells that it ended.
func (n *node) start(ctx context.Context) (ready string, failed <-chan error, err error) {
	facts := []string{fmt.Sprintf("pid=%d", os.Getpid())}
	s, err := system.Open(ctx, n.cfg, system.Options{Name: "tasker " + n.kind, Getenv: n.app.getenv, Logger: n.logger})
	if err != nil {
		return "", nil, err
	}
	n.undo = append(n.undo, func(context.Context) error { return s.Close() })
	if err := n.registerTemplates(ctx, s); err != nil {
		return "", nil, err
	}
	worker, err := n.worker(ctx)
	if err != nil {
		return "", nil, err
	}
	core, err := system.StartNode(ctx, s, worker)
	if err != nil {
		return "", nil, err
	}
	n.undo = append(n.undo, core.Stop)
	if worker != nil {
		facts = append(facts, fmt.Sprintf("slots=%d lease=%s handlers=%s", n.cfg.Worker.MpscChannels.HandlerDispatch.MaxConcurrentHandlers,
			n.cfg.Worker.Lease, strings.Join(worker.Registry.RegisteredHandlers(), ",")))
	}
	if n.api && n.cfg.Web.Enabled {
		var url string
		if url, failed, err = n.serve(ctx, s, core.Orchestration); err != nil {
			return "", nil, err
		}
		facts = append([]string{"url=" + url}, facts...)
	}
	return strings.Join(facts, " "), failed, nil
}

// worker says what handlers the process runs; nil if none.
func (n *node) worker(ctx context.Context) (*system.WorkerOptions, error) {
	if !n.builtin {
		return nil, nil
	}
	var effects builtin.EffectRecorder
	if dsn := n.app.getenv("TASKER_EFFECTS_URL"); dsn != "" {
		opened, err := store.OpenEffects(ctx, dsn)
		if err != nil {
			return nil, fmt.Errorf("TASKER_EFFECTS_URL: %w", err)
		}
		n.undo = append(n.undo, func(context.Context) error { opened.Close(); return nil })
		effects = opened
	}
	var registry sdk.StepHandlerRegistry = builtin.NewRegistry(effects)
	return &system.WorkerOptions{Registry: registry, Apart: !n.api}, nil
}

// registerTemplates registers the templates of the search paths. The default folder need not be there.
func (n *node) registerTemplates(ctx context.Context, s *system.SystemContext) error {
	paths := n.cfg.TaskTemplates.SearchPaths
	if n.origin.Of("task_templates.search_paths") == "default" {
		if _, err := os.Stat(paths[0]); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	registered, err := system.RegisterTemplates(ctx, s, paths, n.force)
	if err != nil {
		return registerError(err)
	}
	n.logger.Info("templates are registered", "count", len(registered), "from", paths)
	return nil
}

// stop ends what was started, last started first. When the program is asked to hurry, nothing is waited for any more.
func (n *node) stop() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-n.app.Hurry:
			n.logger.Warn("ending at once: what is left runs again elsewhere")
			cancel()
		case <-ended:
		}
	}()
	var errs []error
	for i := len(n.undo) - 1; i >= 0; i-- {
		errs = append(errs, n.undo[i](ctx))
	}
	return errors.Join(errs...)
}

func (n *node) hurried() bool {
	select {
	case <-n.app.Hurry:
		return true
	default:
		return false
	}
}
