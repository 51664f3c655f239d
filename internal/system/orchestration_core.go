package system

import (
	"context"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
)

// OrchestrationCore makes tasks, processes results and repairs what was left behind.
type OrchestrationCore struct {
	Actors *orchestration.ActorRegistry
	loops  *loops
}

// NewOrchestrationCore builds and starts the core. taker is the worker of the same process, or nil.
func NewOrchestrationCore(ctx context.Context, s *SystemContext, taker orchestration.StepTaker) (*OrchestrationCore, error) {
	o := s.Config.Orchestration
	actors, err := orchestration.BuildActorRegistry(ctx, orchestration.Dependencies{
		Store: s.Store, Catalog: s.Catalog, Worker: taker, Logger: s.Logger,
		Config: orchestration.Config{
			ContextLimits:       contextLimits(s.Config.Limits),
			UnknownHandlerGrace: s.Config.Worker.UnknownHandlerGrace,
			TimerInterval:       o.TimerInterval,
			ReapInterval:        o.ReapInterval,
		},
	})
	if err != nil {
		return nil, err
	}
	c := &OrchestrationCore{Actors: actors, loops: newLoops(s.Logger)}
	c.loops.run("timers", actors.Timers.Run)
	c.loops.run("sweeper", actors.Sweeper.Run)
	return c, nil
}

// Stop ends the loops and then the actors; tasks that are being made are finished.
func (c *OrchestrationCore) Stop(ctx context.Context) error {
	c.loops.end()
	return c.Actors.Shutdown(ctx)
}
