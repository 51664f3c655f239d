package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Runner runs the steps that it is given, on slots that are held, and sends their ends. Stop gives back what was not
// started, lets running handlers finish until ctx is done, and then cancels them.
type Runner interface {
	Dispatcher
	Stop(ctx context.Context, grace time.Duration) error
}

// Dependencies are what a worker stands on.
type Dependencies struct {
	Store   *store.Store
	Catalog *catalog.Catalog
	Slots   *dispatch.Slots
	Sender  ResultSender
	Events  *event.DomainEventSystem
	// Handlers are the names that the worker serves.
	Handlers []string
	// NewRunner makes what runs the steps.
	NewRunner    func(sink dispatch.CompletionSender, slots *dispatch.Slots) Runner
	Registration store.WorkerRegistration
	Completion   dispatch.CompletionConfig
	// Messages says that messages of pgmq tell of ready steps; the worker then claims by these alone.
	Messages bool
	// PollInterval is how often the queue is looked at without a hint.
	PollInterval time.Duration
	Logger       *slog.Logger
}

// WorkerActorRegistry holds the worker's actors, each the door to its service, and what they share.
type WorkerActorRegistry struct {
	StepExecutorActor  *StepExecutorActor
	FFICompletionActor *FFICompletionActor
	TemplateCacheActor *TemplateCacheActor
	DomainEventActor   *DomainEventActor
	WorkerStatusActor  *WorkerStatusActor

	Keeper  *LeaseKeeper
	Claimer *StepClaimer
	// Revocations is a loop for the process to run, from before the first claim until after the last result.
	Revocations *Revocations

	runner      Runner
	completions *dispatch.CompletionProcessorService
	ledger      *ledger
	group       *actor.Group
}

// BuildWorkerActorRegistry makes the actors and starts them in order, but claims nothing yet.
func BuildWorkerActorRegistry(ctx context.Context, d Dependencies) (*WorkerActorRegistry, error) {
	r := &WorkerActorRegistry{ledger: newLedger()}
	r.Keeper = NewLeaseKeeper(d.Store, d.Registration, d.Handlers, d.Slots.InUse, func(cause error) { r.CancelSteps(sdk.UUID{}, cause) }, d.Logger)

	r.Revocations = newRevocations(d.Store, r.ledger, d.Logger)

	execution := &StepExecutorService{store: d.Store, catalog: d.Catalog, ledger: r.ledger}
	status := &WorkerStatusService{
		name: d.Registration.Name, store: d.Store, slots: d.Slots, keeper: r.Keeper, ledger: r.ledger,
		handlers: func() []string { return d.Handlers }, started: time.Now(),
	}
	r.StepExecutorActor = NewStepExecutorActor(execution, d.Logger)
	r.DomainEventActor = NewDomainEventActor(d.Events, d.Logger)
	r.WorkerStatusActor = NewWorkerStatusActor(status, r.DomainEventActor, d.Logger)
	r.TemplateCacheActor = NewTemplateCacheActor(d.Catalog, r.Keeper, d.Logger)
	r.Claimer = &StepClaimer{
		store: d.Store, slots: d.Slots, keeper: r.Keeper, ledger: r.ledger, intake: newIntake(d, r.Keeper, r.StepExecutorActor), executor: r.StepExecutorActor,
		poll: d.PollInterval, logger: d.Logger, hints: make(chan struct{}, 1),
	}
	r.FFICompletionActor = NewFFICompletionActor(&FFICompletionService{
		sender: d.Sender, keeper: r.Keeper, ledger: r.ledger, slots: d.Slots, claimer: r.Claimer, executor: r.StepExecutorActor,
		logger: d.Logger,
	}, r.WorkerStatusActor, r.DomainEventActor, d.Logger)

	d.Completion.Callback, d.Completion.Logger = r.FFICompletionActor, d.Logger
	r.completions = dispatch.NewCompletionProcessorService(r.FFICompletionActor, d.Slots, d.Completion)
	r.runner = d.NewRunner(r.completions, d.Slots)
	execution.dispatcher = r.runner // the circle of dispatch and completion closes here

	r.group = actor.NewGroup(actor.GroupConfig{}, r.StepExecutorActor, r.FFICompletionActor, r.TemplateCacheActor, r.DomainEventActor, r.WorkerStatusActor)
	if err := r.group.Start(ctx); err != nil {
		return nil, errors.Join(err, r.Shutdown(ctx, 0))
	}
	return r, nil
}

// CancelSteps tells the running steps of a task or, with the zero UUID, all of them, to stop.
func (r *WorkerActorRegistry) CancelSteps(task sdk.UUID, cause error) {
	for _, j := range r.ledger.matching(task) {
		j.message.Cancel(cause)
	}
}

// Shutdown runs down in the order of the steps' way: what was not started is given back, handlers finish until ctx is
// done, results are accepted, actors stop. grace bounds what comes after ctx: the handlers' return once cancelled, and the
// acceptance of the last results. Nothing may claim any more when it is called.
func (r *WorkerActorRegistry) Shutdown(ctx context.Context, grace time.Duration) error {
	r.Keeper.Drain()
	r.ledger.land()
	stopped := r.runner.Stop(ctx, grace)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return errors.Join(stopped, r.completions.Stop(last), r.group.Stop(last))
}
