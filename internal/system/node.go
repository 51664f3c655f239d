package system

import (
	"context"
	"errors"
	"time"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
)

// Node is a running process: an orchestration core and, unless it is a server alone, a worker core on top of it.
type Node struct {
	System        *SystemContext
	Orchestration *OrchestrationCore
	// Worker is nil in a server.
	Worker *WorkerCore
}

// StartNode starts the cores over an open system. Without handlers and runner it is a server alone. Stop it before the
// system is closed.
func StartNode(ctx context.Context, s *SystemContext, o *WorkerOptions) (*Node, error) {
	n := &Node{System: s}
	var taker orchestration.StepTaker
	err := s.warnOfMessages(ctx)
	if err != nil {
		return nil, err
	}
	if o != nil {
		n.Worker, err = NewWorkerCore(ctx, s, func() *orchestration.ActorRegistry { return n.Orchestration.Actors }, *o)
		if err != nil {
			return nil, err
		}
		taker = n.Worker.Actors.Claimer
	}
	if n.Orchestration, err = NewOrchestrationCore(ctx, s, taker, o == nil || !o.Apart); err != nil {
		return nil, errors.Join(err, n.Stop(ctx))
	}
	if n.Worker != nil {
		n.Worker.Start()
	}
	return n, nil
}

// Stop runs down the worker and then the orchestration that processes its last results. Handlers may finish within the
// configured grace, or until ctx is done.
func (n *Node) Stop(ctx context.Context) error {
	var errs []error
	grace := n.System.Config.Shutdown.Timeout
	if n.Worker != nil {
		drain, cancel := context.WithTimeout(ctx, n.System.Config.Worker.ShutdownGrace)
		defer cancel()
		errs = append(errs, n.Worker.Stop(drain, grace))
	}
	if n.Orchestration != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(grace, time.Second))
		defer cancel()
		errs = append(errs, n.Orchestration.Stop(last))
	}
	return errors.Join(errs...)
}
