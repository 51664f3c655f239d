package orchestration

import (
	"context"
	"log/slog"
	"time"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
)

// Dependencies are what the orchestration's services stand on.
type Dependencies struct {
	Store   *store.Store
	Catalog *catalog.Catalog
	// Worker is the worker of the same process, or nil.
	Worker StepTaker
	Logger *slog.Logger
	Config Config
}

// Config tunes the orchestration's services.
type Config struct {
	// CreateBatchSize bounds the tasks that one statement makes. Defaults to 200.
	CreateBatchSize int
	// ContextLimits bound what a task's context may be.
	ContextLimits payload.Limits
	// ResultLimits bound what steps are completed with by hand.
	ResultLimits payload.Limits
	// UnknownHandlerGrace is how long a step waits for a handler that no worker has ever offered. Defaults to 5 seconds.
	UnknownHandlerGrace time.Duration
	// TimerInterval is how often timers of other processes are looked for. Defaults to 1 second.
	TimerInterval time.Duration
	// ReapInterval is the time between sweeps for lost workers. Defaults to 500 milliseconds.
	ReapInterval time.Duration
	// Blocked says what becomes of blocked tasks. Defaults to [BlockedRests]. DeadLetters has them entered among the dead
	// letters.
	Blocked     BlockedPolicy
	DeadLetters bool
	Staleness   StalenessConfig
	Retention   RetentionConfig
}

// StepTaker is a worker that can run steps in the process that readies them. Every Reserve is followed by one Take.
type StepTaker interface {
	// Reserve takes up to want slots, and says what may be leased on them.
	Reserve(want int) store.Lease
	// Take runs what was leased and gives the other slots back.
	Take(ctx context.Context, l store.Lease, steps []store.ClaimedStep)
	// Adopt has the worker look for steps that an unanswered commit leased to it.
	Adopt()
}

// ActorRegistry holds the orchestration's actors, each the door to its service.
type ActorRegistry struct {
	TaskRequestActor     *TaskRequestActor
	ResultProcessorActor *ResultProcessorActor
	StepEnqueuerActor    *StepEnqueuerActor
	TaskFinalizerActor   *TaskFinalizerActor

	// Timers, Sweeper and Caretaker are loops for the process to run, as are Staleness and Retention, which are nil if they are
	// turned off. Endings knows when tasks come to rest, and Counters what was done.
	Timers    *Timers
	Sweeper   *Sweeper
	Caretaker *Caretaker
	Staleness *StalenessDetector
	Retention *RetentionService
	Endings   *Endings
	Counters  *Counters
	// Operators does what people decide by hand.
	Operators *Operators

	group *actor.Group
}

// BuildActorRegistry makes the actors and starts them in order. When one fails to start, those before it are stopped.
func BuildActorRegistry(ctx context.Context, d Dependencies) (*ActorRegistry, error) {
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	if d.Config.TimerInterval <= 0 {
		d.Config.TimerInterval = time.Second
	}
	if d.Config.ReapInterval <= 0 {
		d.Config.ReapInterval = 500 * time.Millisecond
	}
	r := &ActorRegistry{Endings: NewEndings(d.Store), Counters: &Counters{}}
	results := NewOrchestrationResultProcessor(d.Store, d.Catalog, r.Endings, func() { r.Timers.Made() }, r.Counters)
	enqueuer := NewStepEnqueuerService(d, results)
	r.Timers = NewTimers(enqueuer, d.Config.TimerInterval, d.Logger)
	r.Sweeper = NewSweeper(enqueuer, d.Config.ReapInterval, d.Logger)
	r.Caretaker = NewCaretaker(d.Store, d.Config.Blocked, d.Config.DeadLetters, d.Config.TimerInterval, r.Endings, d.Logger)
	if d.Config.Staleness.Enabled {
		r.Staleness = NewStalenessDetector(d.Store, d.Config.Staleness, d.Logger)
	}
	if d.Config.Retention.Enabled {
		r.Retention = NewRetentionService(d.Store, d.Config.Retention, d.Logger)
	}
	r.Operators = NewOperators(d.Store, d.Catalog, d.Config.ResultLimits)
	r.TaskRequestActor = NewTaskRequestActor(NewTaskRequestProcessor(d.Catalog, NewTaskInitializer(d, r.Timers, r.Counters), d.Config), d.Logger)
	r.ResultProcessorActor = NewResultProcessorActor(results, d.Logger)
	r.StepEnqueuerActor = NewStepEnqueuerActor(enqueuer, d.Logger)
	r.TaskFinalizerActor = NewTaskFinalizerActor(NewTaskFinalizer(d.Store), d.Logger)
	r.group = actor.NewGroup(actor.GroupConfig{}, r.TaskRequestActor, r.ResultProcessorActor, r.StepEnqueuerActor, r.TaskFinalizerActor)
	return r, r.group.Start(ctx)
}

// Shutdown stops the actors in reverse order; each failure is in the error.
func (r *ActorRegistry) Shutdown(ctx context.Context) error { return r.group.Stop(ctx) }
