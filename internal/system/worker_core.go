package system

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/transport"
	"github.com/tasker-systems/tasker-go/internal/transport/pgmq"
	"github.com/tasker-systems/tasker-go/internal/worker"
	"github.com/tasker-systems/tasker-go/internal/workerapi"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// WorkerCore claims steps and runs them. It processes their results itself, by the orchestration core that it stands on.
type WorkerCore struct {
	Actors   *worker.WorkerActorRegistry
	Commands *worker.ActorCommandProcessor
	Slots    *dispatch.Slots

	system   *SystemContext
	claiming *loops
	keeping  *loops
	once     sync.Once
	stopped  error

	// API serves the worker's own web API; nil if it is not configured.
	API *workerapi.Server
}

// WorkerOptions say what a worker runs.
type WorkerOptions struct {
	// Handlers are the names that it serves.
	Handlers []string
	// NewRunner makes what runs the steps. Defaults to Go handlers out of Registry.
	NewRunner func(sink dispatch.CompletionSender, slots *dispatch.Slots) worker.Runner
	Registry  sdk.StepHandlerRegistry
	// Events publishes domain events. Defaults to one over the store, without publishers of the user's.
	Events *event.DomainEventSystem
	// Apart is set in a process that runs steps only: it leaves queued results to servers.
	Apart bool
}

// NewWorkerCore builds a worker, registers it and starts its heartbeats. It claims nothing before [WorkerCore.Start].
// results is asked for the orchestration that processes the worker's results, at each batch.
func NewWorkerCore(ctx context.Context, s *SystemContext, results func() *orchestration.ActorRegistry, o WorkerOptions) (*WorkerCore, error) {
	cfg := s.Config.Worker
	hd := cfg.MpscChannels.HandlerDispatch
	name := workerName(cfg.ID)
	if o.NewRunner == nil {
		o.NewRunner = goRunner(s, o.Registry, name)
	}
	if o.Handlers == nil && o.Registry != nil {
		o.Handlers = o.Registry.RegisteredHandlers()
	}
	if o.Events == nil {
		o.Events = event.New(event.NewStorePublisher(s.Store), event.Config{FiredBy: name, Logger: s.Logger})
	}
	c := &WorkerCore{system: s, Slots: dispatch.NewSlots(hd.MaxConcurrentHandlers), claiming: newLoops(s.Logger), keeping: newLoops(s.Logger)}
	var err error
	c.Actors, err = worker.BuildWorkerActorRegistry(ctx, worker.Dependencies{
		Store: s.Store, Catalog: s.Catalog, Slots: c.Slots, Sender: resultSender(s, results), Events: o.Events,
		Handlers: o.Handlers, NewRunner: o.NewRunner,
		Registration: store.WorkerRegistration{
			Name: name, Version: Version, Namespaces: cfg.Namespaces, Slots: hd.MaxConcurrentHandlers, Lease: cfg.Lease,
		},
		Completion: dispatch.CompletionConfig{
			CompletionBufferSize: hd.CompletionBufferSize, Shards: s.Config.Orchestration.Shards, BatchSize: s.Config.Orchestration.BatchSize,
		},
		Messages: s.messages(), PollInterval: cfg.PollInterval, Logger: s.Logger,
	})
	if err != nil {
		return nil, err
	}
	c.Commands = worker.NewActorCommandProcessor(c.Actors)
	if err := c.Actors.Keeper.Register(ctx); err != nil {
		return nil, errors.Join(err, c.Actors.Shutdown(ctx, time.Second))
	}
	if err := c.serve(ctx, name); err != nil {
		return nil, errors.Join(err, c.Actors.Shutdown(ctx, time.Second), c.Actors.Keeper.Stop(ctx))
	}
	c.keeping.run("lease keeper", c.Actors.Keeper.Run)
	c.keeping.run("revocations", c.Actors.Revocations.Run)
	return c, nil
}

// serve starts the worker's own web API, if it is configured.
func (c *WorkerCore) serve(ctx context.Context, name string) (err error) {
	cfg := c.system.Config
	if cfg.Worker.Web.BindAddress == "" {
		return nil
	}
	var settings func() any
	if cfg.Web.ConfigEndpoint {
		settings = func() any { return c.system.Settings() }
	}
	c.API, err = workerapi.Start(ctx, workerapi.Deps{
		Settings: settings,
		Store:    c.system.Store, Catalog: c.system.Catalog, Actors: c.Actors, Logger: c.system.Logger.With("worker", name),
		Config: workerapi.Config{
			BindAddress: cfg.Worker.Web.BindAddress, AllowAnyHost: cfg.Web.InsecureAllowUnauthenticated,
			Version: Version, Environment: cfg.Environment, Namespaces: cfg.Worker.Namespaces,
		},
	})
	return err
}

// Start begins to claim.
func (c *WorkerCore) Start() {
	if c.system.Config.Database.Pooler != "transaction" {
		channels := append(c.readyChannels(), transport.ChannelTemplates, transport.ChannelCancel)
		listener := transport.NewListener(c.system.DSN(), channels, c.hear, c.missed, c.system.Logger)
		c.claiming.run("listener", listener.Run)
	}
	c.claiming.run("claimer", c.Actors.Claimer.Run)
	c.claiming.run("handlers", c.refreshHandlers)
}

// readyChannels are where the transport tells of ready steps.
func (c *WorkerCore) readyChannels() (channels []string) {
	served := c.system.Config.Worker.Namespaces
	switch {
	case !c.system.messages():
		return []string{transport.ChannelReady}
	case len(served) == 0:
		return []string{pgmq.ChannelReady}
	}
	for _, namespace := range served {
		channels = append(channels, pgmq.ChannelOf(namespace))
	}
	return channels
}

func (c *WorkerCore) hear(channel, payload string) {
	switch channel {
	case transport.ChannelReady:
		if id, err := strconv.ParseInt(payload, 10, 32); err != nil || c.Actors.Keeper.Serves(int32(id)) {
			c.Actors.Claimer.Hint()
		}
	case transport.ChannelTemplates:
		c.refresh()
	case transport.ChannelCancel:
		if task, err := sdk.ParseUUID(payload); err == nil {
			c.Actors.Revocations.Notice(task)
		}
	default:
		c.Actors.Claimer.Hear(payload)
	}
}

func (c *WorkerCore) missed() { c.refresh() }

func (c *WorkerCore) refresh() {
	ctx, cancel := context.WithTimeout(c.claiming.ctx, 5*time.Second)
	defer cancel()
	if _, err := actor.Ask(ctx, c.Actors.TemplateCacheActor.Handle, worker.RefreshTemplateCacheMessage{}); err != nil && ctx.Err() == nil {
		c.system.Logger.Warn("handlers of new templates are looked up again later", "error", err)
	}
	c.Actors.Claimer.Hint()
}

// refreshHandlers finds handlers of templates whose notice was lost.
func (c *WorkerCore) refreshHandlers(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.refresh()
		case <-ctx.Done():
			return
		}
	}
}

// Stop claims no more, lets handlers finish until ctx is done, has the last results accepted and ends the lease. After a
// clean stop no step is left leased. It can be called again.
func (c *WorkerCore) Stop(ctx context.Context, grace time.Duration) error {
	c.once.Do(func() {
		c.claiming.end()
		err := c.Actors.Shutdown(ctx, grace)
		c.keeping.end()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		c.stopped = errors.Join(err, c.Actors.Keeper.Stop(last))
		if c.API != nil {
			c.stopped = errors.Join(c.stopped, c.API.Shutdown(last))
		}
	})
	return c.stopped
}

func resultSender(s *SystemContext, results func() *orchestration.ActorRegistry) worker.ResultSender {
	if s.Config.Orchestration.Mode == "queue" {
		return worker.NewQueueSender(s.Store, s.Logger)
	}
	return inlineSender{results}
}

// inlineSender has results processed in this process.
type inlineSender struct {
	orchestration func() *orchestration.ActorRegistry
}

func (s inlineSender) Send(ctx context.Context, results []workflow.AttemptResult, l store.Lease) (store.Applied, error) {
	return actor.Ask(ctx, s.orchestration().ResultProcessorActor.Handle, orchestration.ProcessStepResultMessage{Results: results, Lease: l})
}

func (s inlineSender) Begin(ctx context.Context, result workflow.AttemptResult, l store.Lease) *store.Future[store.Applied] {
	f, err := actor.Ask(ctx, s.orchestration().ResultProcessorActor.HandleBegin, orchestration.BeginStepResultMessage{Result: result, Lease: l})
	if err != nil {
		return nil
	}
	return f
}

func goRunner(s *SystemContext, registry sdk.StepHandlerRegistry, name string) func(dispatch.CompletionSender, *dispatch.Slots) worker.Runner {
	hd := s.Config.Worker.MpscChannels.HandlerDispatch
	return func(sink dispatch.CompletionSender, slots *dispatch.Slots) worker.Runner {
		return dispatch.NewHandlerDispatchService(registry, slots, sink, dispatch.Config{
			DispatchBufferSize: hd.DispatchBufferSize, HandlerTimeout: hd.HandlerTimeout,
			Limits: resultLimits(s.Config.Limits), WorkerName: name, Checkpoints: worker.NewCheckpoints(s.Store),
		})
	}
}

// workerName is the configured name, or one that no other process has.
func workerName(configured string) string {
	if configured != "" {
		return configured
	}
	host, _ := os.Hostname()
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:6])
}
