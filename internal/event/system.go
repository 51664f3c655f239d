package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/internal/batch"
)

// Config tunes a [DomainEventSystem]; its zero value is ready to use.
type Config struct {
	// ChannelCapacity bounds the steps whose events wait to be published. Those of further steps are dropped. Defaults to
	// 1000.
	ChannelCapacity int
	// BatchSize bounds the steps whose durable events are stored by one statement a namespace. Defaults to 100.
	BatchSize int
	// PublishTimeout bounds the publishing of a batch, retries included. Defaults to 5 seconds.
	PublishTimeout time.Duration
	// DrainTimeout bounds how long Stop publishes what waits. Defaults to 5 seconds.
	DrainTimeout time.Duration
	// FiredBy names this process in the events' fired_by. Defaults to "tasker".
	FiredBy string
	// Bus tunes the in-process bus. Its logger is the system's.
	Bus BusConfig
	// Logger defaults to [slog.Default].
	Logger *slog.Logger
}

// DomainEventSystem publishes the domain events of steps, in the background and in the order of dispatch. Nothing it meets
// reaches the step: what fails is logged and counted.
type DomainEventSystem struct {
	cfg        Config
	log        *slog.Logger
	publishers *PublisherRegistry
	bus        *Bus
	router     *EventRouter
	commands   chan command
	counters   systemCounters
	dropLog    throttle

	// The goroutine that publishes owns these.
	schemas schemaCache
	unknown map[string]bool // publishers that were missed

	intake  context.Context // done when no more commands come
	close   context.CancelFunc
	work    context.Context // done when what is left is given up
	abandon context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended

	mu    sync.RWMutex // held by Dispatch while it sends, so that nothing is sent after Stop
	state systemState
}

type systemState uint8

const (
	systemCreated systemState = iota
	systemRunning
	systemStopped
)

// command is a step with declared events to publish.
type command struct {
	StepEvent
	ctx    context.Context // the values of the dispatch
	chosen []int           // indices of its declarations
}

// New returns a system that is yet to be started.
func New(durable DurablePublisher, cfg Config) *DomainEventSystem {
	if cfg.ChannelCapacity <= 0 {
		cfg.ChannelCapacity = 1000
	}
	if cfg.BatchSize <= 0 {
		cfg.BatchSize = 100
	}
	if cfg.PublishTimeout <= 0 {
		cfg.PublishTimeout = 5 * time.Second
	}
	if cfg.DrainTimeout <= 0 {
		cfg.DrainTimeout = 5 * time.Second
	}
	if cfg.FiredBy == "" {
		cfg.FiredBy = "tasker"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.Bus.Logger = cfg.Logger
	s := &DomainEventSystem{
		cfg: cfg, log: cfg.Logger, publishers: &PublisherRegistry{}, bus: NewBus(cfg.Bus),
		commands: make(chan command, cfg.ChannelCapacity), unknown: map[string]bool{}, done: make(chan struct{}),
	}
	s.router = NewEventRouter(durable, s.bus, cfg.Logger)
	s.intake, s.close = context.WithCancel(context.Background())
	s.work, s.abandon = context.WithCancel(context.Background())
	return s
}

// Bus is where subscribers and pollers join. Stop closes it.
func (s *DomainEventSystem) Bus() *Bus { return s.bus }

// Publishers is where the user's publishers are registered. Freeze it before the system starts.
func (s *DomainEventSystem) Publishers() *PublisherRegistry { return s.publishers }

// Pending counts the events that were dispatched and whose fate is not known yet.
func (s *DomainEventSystem) Pending() uint64 { return s.counters.pending() }

// Start begins to publish. A system starts once; further calls do nothing.
func (s *DomainEventSystem) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != systemCreated {
		return
	}
	s.state = systemRunning
	go s.run()
}

// Dispatch hands over a step, to have the events published that its outcome calls for. Call it only after the step's result
// was accepted by the store: events must not tell of what may yet be undone.
//
// It never waits. False means that the step's events are lost, because too many wait already or the system does not run;
// that is counted, and logged at most once a second. The values of ctx reach publishers, its cancellation does not.
func (s *DomainEventSystem) Dispatch(ctx context.Context, e StepEvent) bool {
	if len(e.Declarations) == 0 {
		return true
	}
	if e.Result == nil {
		s.log.ErrorContext(ctx, "a step without a result was dispatched for its domain events", "step_uuid", e.StepUUID)
		return false
	}
	chosen := e.applicable()
	if len(chosen) == 0 {
		return true
	}
	if s.send(command{StepEvent: e, ctx: context.WithoutCancel(ctx), chosen: chosen}) {
		return true
	}
	dropped := s.counters.dropped.Add(uint64(len(chosen)))
	if s.dropLog.allow(time.Now()) {
		s.log.WarnContext(ctx, "domain events are dropped: too many wait, or the system does not run", "dropped_in_all", dropped,
			"channel_depth", len(s.commands), "channel_capacity", cap(s.commands), "step_uuid", e.StepUUID)
	}
	return false
}

func (s *DomainEventSystem) send(c command) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.state != systemRunning {
		return false
	}
	select {
	case s.commands <- c:
		s.counters.dispatched.Add(uint64(len(c.chosen)))
		return true
	default:
		return false
	}
}

// Stop takes no more events, publishes those that wait, and closes the bus once its subscribers are done. What is not done
// after the drain timeout, or when ctx is done, is given up: the error says how much that is. A publisher or subscriber that
// ignores its context may then still run. Further calls do nothing.
func (s *DomainEventSystem) Stop(ctx context.Context) error {
	s.mu.Lock()
	before := s.state
	s.state = systemStopped
	s.mu.Unlock()
	if before == systemStopped {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DrainTimeout)
	defer cancel()
	defer s.abandon()
	s.close()
	var err error
	if before == systemRunning {
		select {
		case <-s.done:
		case <-ctx.Done():
			s.abandon()
			err = fmt.Errorf("stop the domain event system: %d events were not published in time", s.counters.pending())
		}
	}
	return errors.Join(err, s.bus.Close(ctx))
}

func (s *DomainEventSystem) run() {
	ended := false
	defer func() {
		if !ended { // a publisher ended the goroutine, as runtime.Goexit does
			go s.run()
			return
		}
		close(s.done)
	}()
	batch.Loop(s.intake, s.commands, s.cfg.BatchSize, s.publishSafely)
	ended = true
}
