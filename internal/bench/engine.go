package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// engine is what is measured: a node with a worker, or a server with worker processes.
type engine struct {
	options  *Options
	system   *system.SystemContext
	node     *system.Node
	fleet    *fleet        // nil if this process runs the steps
	listener *endsListener // nil if the processes that end tasks tell of it themselves
	template *catalog.Template
	count    counter
	ends     meetings
	finished atomic.Int64 // steps or, with worker processes, tasks
	gate     *gate        // nil without a backlog
	broken   context.CancelCauseFunc
	failure  context.Context // done once a worker process is lost

	once    sync.Once
	stopped error
}

// engineConfig is the configured one, made to suit: nothing times out, and other namespaces are not served.
func engineConfig(cfg *config.Config, dsn string, slots int) *config.Config {
	own := *cfg
	own.Database.URL = config.Secret(dsn)
	own.Worker.Namespaces = []string{namespace}
	own.Worker.MpscChannels.HandlerDispatch.MaxConcurrentHandlers = slots
	own.Worker.MpscChannels.HandlerDispatch.HandlerTimeout = time.Hour
	own.Worker.ShutdownGrace, own.Shutdown.Timeout = 10*time.Second, 10*time.Second
	return &own
}

// startEngine migrates the database, fills its queue as asked, and starts the engine on it.
func startEngine(ctx context.Context, cfg *config.Config, dsn string, o *Options) (e *engine, err error) {
	e = &engine{options: o}
	e.failure, e.broken = context.WithCancelCause(context.Background())
	cfg = engineConfig(cfg, dsn, o.Slots)
	e.system, err = system.Open(ctx, cfg, system.Options{Name: applicationName, Logger: o.Logger, Tracer: &e.count})
	if err != nil {
		return nil, err
	}
	if err := e.start(ctx, cfg, dsn); err != nil {
		return nil, errors.Join(err, e.stop(context.WithoutCancel(ctx)))
	}
	return e, nil
}

func (e *engine) start(ctx context.Context, cfg *config.Config, dsn string) (err error) {
	if e.template, err = e.system.Catalog.Register(ctx, e.options.Shape.Template(), false); err != nil {
		return fmt.Errorf("register the shape: %w", err)
	}
	if err := e.fillQueue(ctx); err != nil {
		return err
	}
	if e.options.Host != nil {
		if e.listener, err = listenEnds(ctx, dsn, e.taskEnded, e.broken); err != nil {
			return err
		}
	}
	if e.options.Processes > 0 {
		if e.node, err = system.StartNode(ctx, e.system, nil); err != nil {
			return err
		}
		e.fleet, err = startFleet(ctx, e.options, cfg, e.taskEnded, e.broken)
		return err
	}
	if e.options.Backlog > 0 {
		e.gate = newGate(e.options.Slots)
	}
	h := &handlers{payload: e.options.Payload, began: e.stepBegan, last: e.watch}
	e.node, err = system.StartNode(ctx, e.system, &system.WorkerOptions{Registry: h.registry()})
	return err
}

// stepBegan holds a step back while the backlog is not to be worked off.
func (e *engine) stepBegan(ctx context.Context) {
	if e.gate != nil {
		e.gate.pass(ctx)
	}
	e.finished.Add(1)
}

// watch announces the end of a task whose last step is about to be done; it cannot come before.
func (e *engine) watch(task sdk.UUID) {
	if e.options.Backlog == 0 {
		watch(e.node.Orchestration.Actors.Endings, task, func(state workflow.TaskState) { e.ends.at(task) <- state })
	}
}

// taskEnded is told by worker processes.
func (e *engine) taskEnded(task sdk.UUID) {
	e.finished.Add(1)
	e.ends.at(task) <- workflow.TaskComplete
}

// statements counts what all processes sent to the database.
func (e *engine) statements(ctx context.Context) (int64, error) {
	n := e.count.n.Load()
	if e.fleet == nil {
		return n, nil
	}
	others, err := e.fleet.statements(ctx)
	return n + others, err
}

func (e *engine) workerPIDs() []int {
	if e.fleet == nil {
		return nil
	}
	return e.fleet.pids()
}

// stop ends all processes and connections. It can be called again.
func (e *engine) stop(ctx context.Context) error {
	e.once.Do(func() {
		if e.gate != nil {
			e.gate.end()
		}
		if e.fleet != nil {
			e.stopped = e.fleet.stop()
		}
		if e.node != nil {
			e.stopped = errors.Join(e.stopped, e.node.Stop(ctx))
		}
		if e.listener != nil {
			e.listener.close()
		}
		e.stopped = errors.Join(e.stopped, e.system.Close())
	})
	return e.stopped
}
