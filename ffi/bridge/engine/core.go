package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/worker"
)

// Core is a worker whose handlers run in a host.
type Core struct {
	*opened
	setup     bridge.Setup
	templates int
	node      atomic.Pointer[system.Node]
	channel   atomic.Pointer[dispatch.FfiDispatchChannel]
	events    *event.DomainEventSystem
	router    *event.EventRouter // for events of the host's own
	calls     *calls
	forwards  forwards // to the host's publishers

	polling sync.Mutex
	poller  *event.Poller

	draining sync.Once
	stopped  atomic.Bool
	ended    context.Context
	end      context.CancelFunc
}

var _ bridge.Core = (*Core)(nil)

// Open opens a worker's core: it connects and registers templates, and claims nothing.
func Open(ctx context.Context, s bridge.Setup) (bridge.Core, error) {
	o, err := open(ctx, s, "tasker ffi worker")
	if err != nil {
		return nil, err
	}
	if o.Config.Worker.ID == "" {
		o.Config.Worker.ID = workerName()
	}
	c := &Core{opened: o, setup: s}
	c.ended, c.end = context.WithCancel(context.Background())
	if c.templates, err = o.registerTemplates(ctx, s.Config.Dir); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	durable := event.NewStorePublisher(o.Store)
	c.events = event.New(durable, event.Config{FiredBy: o.Config.Worker.ID, Logger: s.Logger})
	c.router = event.NewEventRouter(durable, c.events.Bus(), s.Logger)
	if err := c.registerPublishers(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	for _, pattern := range s.Config.DomainEvents {
		if _, err := c.events.Bus().Subscribe(pattern, c.deliverEvent); err != nil {
			return nil, errors.Join(bridge.Errorf(bridge.EInvalid, "%s", err).With("key", "domain_events"), o.Close())
		}
	}
	c.calls = newCalls(o, s.Logger, requests{c}, c)
	return c, nil
}

// workerName is one that no other worker has, not even of the same process.
func workerName() string {
	host, _ := os.Hostname() // without one, the rest tells them apart
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:6])
}

// Info implements [bridge.Core].
func (c *Core) Info() map[string]any {
	return map[string]any{
		"worker_id": c.Config.Worker.ID, "environment": c.Config.Environment, "version": system.Version, "templates_registered": c.templates,
		"embedded_database": c.Server() != nil, "role": c.setup.Config.Role,
		"slots": c.Config.Worker.MpscChannels.HandlerDispatch.MaxConcurrentHandlers,
	}
}

// Limits implements [bridge.Core].
func (c *Core) Limits() payload.Limits {
	l := c.Config.Limits
	return payload.Limits{MaxBytes: l.MaxResultBytes, MaxDepth: l.MaxJSONDepth, MaxKeys: l.MaxJSONKeys}
}

// Start implements [bridge.Core].
func (c *Core) Start(ctx context.Context, handlers []string, connect bridge.Connect) error {
	node, err := system.StartNode(ctx, c.SystemContext, &system.WorkerOptions{
		Handlers: handlers, Events: c.events, Apart: c.setup.Config.Role == "worker",
		NewRunner: func(sink dispatch.CompletionSender, slots *dispatch.Slots) worker.Runner {
			channel := connect(bridge.EventSource{Details: newDefinitions(c.Catalog, c.Store).details}, slots, sink, c.channelConfig())
			c.channel.Store(channel)
			return channel
		},
	})
	if err != nil {
		return databaseError(err)
	}
	c.node.Store(node)
	return nil
}

func (c *Core) channelConfig() dispatch.FfiConfig {
	f, b := c.Config.Worker.MpscChannels.FfiDispatch, c.Config.Worker.CircuitBreakers.FfiCompletionSend
	return dispatch.FfiConfig{
		CompletionBufferSize: c.Config.Worker.MpscChannels.HandlerDispatch.CompletionBufferSize,
		CompletionTimeout:    f.CompletionTimeout, StarvationThreshold: f.StarvationWarningThreshold, CheckpointTimeout: f.CheckpointTimeout,
		Breaker: dispatch.FfiBreakerConfig{
			FailureThreshold: b.FailureThreshold, RecoveryTimeout: b.RecoveryTimeout, SuccessThreshold: b.SuccessThreshold,
			SlowSendThreshold: b.SlowSendThreshold,
		},
		WorkerName: c.Config.Worker.ID, Logger: c.setup.Logger, Checkpoints: worker.NewCheckpoints(c.Store),
	}
}

// Serve implements [bridge.Core].
func (c *Core) Serve(ctx context.Context, handlers []string) error {
	var keeper any = c.node.Load().Worker.Actors.Keeper
	offering, ok := keeper.(interface {
		Offer(ctx context.Context, callables []string) error
	})
	if !ok {
		return bridge.Errorf(bridge.EState, "this worker runs already: register all handlers before it starts")
	}
	if err := offering.Offer(ctx, handlers); err != nil {
		return databaseError(err)
	}
	return nil
}

// Drain implements [bridge.Core]. It takes each slot as it becomes free: nothing is claimed without one, neither from the
// queue nor out of the worker's own results.
func (c *Core) Drain() {
	node := c.node.Load()
	if node == nil {
		return
	}
	c.draining.Do(func() {
		go func() {
			defer c.recovered("take the slots")
			for node.Worker.Slots.Acquire(c.ended) == nil {
			}
		}()
	})
}

func (c *Core) recovered(what string) {
	if v := recover(); v != nil {
		c.Logger.Error("a panic was caught in the core", "while", what, "panic", v)
	}
}

// InFlight implements [bridge.Core].
func (c *Core) InFlight() int {
	status, ok := c.workerStatus()
	if !ok {
		return 0
	}
	return status.StepsInFlight
}

func (c *Core) workerStatus() (worker.WorkerStatus, bool) {
	node := c.node.Load()
	if node == nil {
		return worker.WorkerStatus{}, false
	}
	status, err := actor.Ask(c.ended, node.Worker.Actors.WorkerStatusActor.HandleGetWorkerStatus, worker.GetWorkerStatusMessage{})
	return status, err == nil
}

// Stop implements [bridge.Core].
func (c *Core) Stop(ctx context.Context) error {
	c.stopped.Store(true)
	c.end()
	var errs []error
	if node := c.node.Load(); node != nil {
		errs = append(errs, node.Stop(ctx))
	} else {
		errs = append(errs, c.events.Stop(ctx))
	}
	c.calls.close()
	return errors.Join(append(errs, c.Close())...)
}

// Status implements [bridge.Core].
func (c *Core) Status() map[string]any {
	status := c.Info()
	if worker, ok := c.workerStatus(); ok {
		status["worker"] = worker
	}
	return status
}

// Call implements [bridge.Caller].
func (c *Core) Call(ctx context.Context, method string, params []byte) ([]byte, error) {
	if c.stopped.Load() {
		return nil, bridge.Errorf(bridge.EState, "the worker has stopped")
	}
	return c.calls.call(ctx, method, params)
}

// requests makes tasks by the worker's own orchestration.
type requests struct{ core *Core }

func (r requests) Handle(ctx context.Context, msg orchestration.ProcessTaskRequestMessage) (orchestration.TaskRequestResult, error) {
	node := r.core.node.Load()
	if node == nil {
		return orchestration.TaskRequestResult{}, orchestration.ErrStopping
	}
	return actor.Ask(ctx, node.Orchestration.Actors.TaskRequestActor.Handle, msg)
}
