package worker

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/store"
)

// LeaseKeeper keeps a worker's lease alive. When it could not for so long that others may have taken the worker's steps,
// it has the handlers told, and comes back under a new identity.
type LeaseKeeper struct {
	store        *store.Store
	registration store.WorkerRegistration
	callables    []string
	busy         func() int
	lost         func(cause error)
	logger       *slog.Logger

	workerID atomic.Int32
	handlers atomic.Pointer[[]int32]
	queues   atomic.Pointer[[]string]
	trusted  atomic.Int64 // until when the lease surely holds, in nanoseconds of the monotonic clock since begun
	begun    time.Time
	drained  atomic.Bool

	mu sync.Mutex // one registration or heartbeat at a time
}

// NewLeaseKeeper makes a keeper. lost is called when the lease is lost.
func NewLeaseKeeper(s *store.Store, r store.WorkerRegistration, callables []string, busy func() int, lost func(error), logger *slog.Logger) *LeaseKeeper {
	if r.Hostname == "" {
		r.Hostname, _ = os.Hostname()
	}
	if r.PID == 0 {
		r.PID = os.Getpid()
	}
	return &LeaseKeeper{store: s, registration: r, callables: callables, busy: busy, lost: lost, logger: logger, begun: time.Now()}
}

// Register starts the lease and finds the handlers that the worker serves.
func (k *LeaseKeeper) Register(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.register(ctx)
}

func (k *LeaseKeeper) register(ctx context.Context) error {
	asked := time.Now()
	id, err := k.store.RegisterWorker(ctx, k.registration)
	if err != nil {
		return err
	}
	if err := k.refreshHandlers(ctx, id); err != nil {
		return err
	}
	k.workerID.Store(id)
	k.trust(asked)
	return nil
}

// RefreshHandlers finds handlers of templates that were registered since.
func (k *LeaseKeeper) RefreshHandlers(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refreshHandlers(ctx, k.workerID.Load())
}

func (k *LeaseKeeper) refreshHandlers(ctx context.Context, workerID int32) error {
	if len(k.callables) == 0 {
		return nil
	}
	offered, err := k.store.OfferHandlers(ctx, workerID, k.callables, k.registration.Namespaces)
	if err != nil {
		return err
	}
	ids, queues := make([]int32, len(offered)), make([]string, 0, 1)
	for i, h := range offered {
		ids[i] = h.ID
		if queue := store.QueueOf(h.Namespace); !slices.Contains(queues, queue) {
			queues = append(queues, queue)
		}
	}
	k.handlers.Store(&ids)
	k.queues.Store(&queues)
	return nil
}

// Lease is what the worker may bring to a statement: nothing unless its lease surely holds.
func (k *LeaseKeeper) Lease(budget int) store.Lease {
	l := store.Lease{WorkerID: k.workerID.Load()}
	if handlers := k.handlers.Load(); handlers != nil && k.Trusted() && !k.drained.Load() {
		l.Handlers, l.Budget = *handlers, budget
	}
	return l
}

// Queues are those of the namespaces that the worker has handlers in.
func (k *LeaseKeeper) Queues() []string {
	if queues := k.queues.Load(); queues != nil {
		return *queues
	}
	return nil
}

// Drain makes the worker take no more steps.
func (k *LeaseKeeper) Drain() { k.drained.Store(true) }

// Serves says whether the worker offers the handler.
func (k *LeaseKeeper) Serves(handlerID int32) bool {
	if handlers := k.handlers.Load(); handlers != nil {
		for _, id := range *handlers {
			if id == handlerID {
				return true
			}
		}
	}
	return false
}

// WorkerID is the worker's present identity.
func (k *LeaseKeeper) WorkerID() int32 { return k.workerID.Load() }

// Trusted says whether the lease surely holds: its last extension was asked for less than a lease ago, less a margin.
func (k *LeaseKeeper) Trusted() bool { return time.Since(k.begun).Nanoseconds() < k.trusted.Load() }

// trust counts from when the extension was asked for, which the database cannot have granted before.
func (k *LeaseKeeper) trust(asked time.Time) {
	lease := k.registration.Lease
	k.trusted.Store(asked.Add(lease - lease/10).Sub(k.begun).Nanoseconds())
}

// Run sends heartbeats until ctx is done.
func (k *LeaseKeeper) Run(ctx context.Context) {
	beat := time.NewTicker(k.registration.Lease / 4)
	defer beat.Stop()
	watch := time.NewTicker(max(k.registration.Lease/20, 10*time.Millisecond))
	defer watch.Stop()
	held := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-watch.C:
			held = k.look(ctx, held, false)
		case <-beat.C:
			held = k.look(ctx, held, true)
		}
	}
}

// look tells of a lease that has run out, and beats when it is time to or the lease is to be regained. It returns whether the
// lease is held.
func (k *LeaseKeeper) look(ctx context.Context, held, beat bool) bool {
	if held && !k.Trusted() {
		held = false
		k.lost(dispatch.ErrLeaseLost)
	}
	if held && !beat {
		return true
	}
	return k.heartbeat(ctx, held)
}

// heartbeat extends the lease, or starts a new one when it is too late for that. It returns whether the lease is held: as
// before, if the database does not answer.
func (k *LeaseKeeper) heartbeat(ctx context.Context, held bool) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, max(k.registration.Lease/4, time.Second))
	defer cancel()
	asked := time.Now()
	err := k.store.Heartbeat(ctx, k.workerID.Load(), k.busy())
	switch {
	case err == nil:
		k.trust(asked)
		return true
	case errors.Is(err, store.ErrWorkerLost):
		if held {
			k.lost(dispatch.ErrLeaseLost)
		}
		if err := k.register(ctx); err != nil {
			k.logger.Warn("the worker cannot register again yet", "error", err)
			return false
		}
		k.logger.Warn("the worker's lease had run out; it goes on as a new worker", "worker_id", k.workerID.Load())
		return true
	case ctx.Err() == nil || held:
		k.logger.Warn("heartbeat failed", "error", err)
	}
	return held
}

// Stop ends the lease of a worker that holds no step any more.
func (k *LeaseKeeper) Stop(ctx context.Context) error {
	return k.store.StopWorker(ctx, k.workerID.Load())
}
