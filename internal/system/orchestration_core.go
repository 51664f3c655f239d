package system

import (
	"context"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/transport"
	"github.com/tasker-systems/tasker-go/internal/transport/pgmq"
)

// OrchestrationCore makes tasks, processes results and repairs what was left behind.
type OrchestrationCore struct {
	Actors *orchestration.ActorRegistry
	loops  *loops
}

// NewOrchestrationCore builds and starts the core. taker is the worker of the same process, or nil. A server also processes
// the results that workers queue, looks after blocked and stale tasks, and removes old data.
func NewOrchestrationCore(ctx context.Context, s *SystemContext, taker orchestration.StepTaker, server bool) (*OrchestrationCore, error) {
	o := s.Config.Orchestration
	actors, err := orchestration.BuildActorRegistry(ctx, orchestration.Dependencies{
		Store: s.Store, Catalog: s.Catalog, Worker: taker, Logger: s.Logger,
		Config: orchestration.Config{
			ContextLimits:       contextLimits(s.Config.Limits),
			ResultLimits:        resultLimits(s.Config.Limits),
			UnknownHandlerGrace: s.Config.Worker.UnknownHandlerGrace,
			TimerInterval:       o.TimerInterval,
			ReapInterval:        o.ReapInterval,
			Blocked:             orchestration.BlockedPolicy(o.BlockedByFailures),
			DeadLetters:         s.Config.DLQ.Enabled,
			Staleness:           stalenessConfig(s.Config.DLQ.StalenessDetection),
			Retention:           retentionConfig(s.Config.Retention),
		},
	})
	if err != nil {
		return nil, err
	}
	c := &OrchestrationCore{Actors: actors, loops: newLoops(s.Logger)}
	c.loops.run("timers", actors.Timers.Run)
	c.loops.run("sweeper", actors.Sweeper.Run)
	if server {
		c.lookAfter()
	}
	if s.messages() {
		c.loops.run("message sweeper", orchestration.NewMessageSweeper(s.Store, sweepLimits(s.Config.Queues), s.Logger).Run)
	}
	switch {
	case server && s.messages():
		c.processMessages(s)
	case server && o.Mode == "queue":
		c.processQueue(s)
	}
	return c, nil
}

// lookAfter runs the loops that a server has beside those of every process.
func (c *OrchestrationCore) lookAfter() {
	c.loops.run("caretaker", c.Actors.Caretaker.Run)
	if c.Actors.Staleness != nil {
		c.loops.run("staleness", c.Actors.Staleness.Run)
	}
	if c.Actors.Retention != nil {
		c.loops.run("retention", c.Actors.Retention.Run)
	}
}

func stalenessConfig(c config.StalenessDetection) orchestration.StalenessConfig {
	return orchestration.StalenessConfig{
		Enabled: c.Enabled, Interval: c.Interval, BatchSize: c.BatchSize, DryRun: c.DryRun, Thresholds: StalenessThresholds(c.Thresholds),
	}
}

// StalenessThresholds are the configured ones as the store takes them.
func StalenessThresholds(t config.StalenessThresholds) store.StalenessThresholds {
	return store.StalenessThresholds{
		WaitingForDependencies: t.WaitingForDependencies, WaitingForRetry: t.WaitingForRetry, StepsInProcess: t.StepsInProcess, Lifetime: t.TaskMaxLifetime,
	}
}

func retentionConfig(c config.Retention) orchestration.RetentionConfig {
	return orchestration.RetentionConfig{
		Enabled: c.Enabled, Interval: c.Interval, BatchSize: c.BatchSize,
		FinishedTasks: c.FinishedTasks, DomainEvents: c.DomainEvents, Archives: c.Archives,
	}
}

func (c *OrchestrationCore) processQueue(s *SystemContext) {
	o := s.Config.Orchestration
	queue := orchestration.NewResultQueue(s.Store, c.Actors.ResultProcessorActor, o.TimerInterval, o.BatchSize, s.Logger)
	c.loops.run("result queue", queue.Run)
	if s.Config.Database.Pooler != "transaction" {
		listener := transport.NewListener(s.DSN(), []string{transport.ChannelResults}, func(string, string) { queue.Hint() }, queue.Hint, s.Logger)
		c.loops.run("result listener", listener.Run)
	}
}

// processMessages answers what comes by queues: requests, and results that workers left for a server, whatever the mode of this
// process is.
func (c *OrchestrationCore) processMessages(s *SystemContext) {
	q := s.Config.Queues
	limits := orchestration.MessageLimits{
		Interval: q.Pgmq.PollInterval, Hide: q.VisibilityTimeout, MaxReads: q.MaxReads, Batch: s.Config.Orchestration.BatchSize,
	}
	requests := orchestration.NewTaskRequestQueue(s.Store, c.Actors.TaskRequestActor, limits, s.Logger)
	results := orchestration.NewResultQueue(s.Store.MessageResults(limits.Hide, limits.MaxReads), c.Actors.ResultProcessorActor,
		limits.Interval, limits.Batch, s.Logger)
	c.loops.run("task requests", requests.Run)
	c.loops.run("results", results.Run)
	if s.Config.Database.Pooler == "transaction" {
		return
	}
	hear := func(_, payload string) {
		switch event, err := pgmq.ParseEvent(payload); {
		case err == nil && event.QueueName == store.TaskRequestsQueue:
			requests.Hint()
		case err == nil && event.QueueName == store.StepResultsQueue:
			results.Hint()
		}
	}
	missed := func() { requests.Hint(); results.Hint() }
	channel := pgmq.ChannelOf(pgmq.OrchestrationNamespace)
	c.loops.run("queue listener", transport.NewListener(s.DSN(), []string{channel}, hear, missed, s.Logger).Run)
}

func sweepLimits(q config.Queues) orchestration.MessageLimits {
	return orchestration.MessageLimits{Interval: q.Pgmq.ResendInterval, Hide: q.VisibilityTimeout, MaxReads: q.MaxReads}
}

// Stop ends the loops and then the actors; tasks that are being made are finished.
func (c *OrchestrationCore) Stop(ctx context.Context) error {
	c.loops.end()
	return c.Actors.Shutdown(ctx)
}
