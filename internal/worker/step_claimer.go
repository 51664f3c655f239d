package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/store"
)

// claimLimit bounds the steps of one claim.
const claimLimit = 200

// StepClaimer takes steps from the queue whenever there are free slots for them. It also is the worker that the
// orchestration of the same process hands steps to.
type StepClaimer struct {
	store    *store.Store
	slots    *dispatch.Slots
	keeper   *LeaseKeeper
	ledger   *ledger
	intake   intake
	executor *StepExecutorActor
	poll     time.Duration
	logger   *slog.Logger
	hints    chan struct{}
	// suspect is until when an unanswered statement may yet be committed; zero if there is none. Unix nanoseconds.
	suspect  atomic.Int64
	adoptNow atomic.Bool
	adopted  time.Time
}

// Hint says that steps may be waiting. It never waits.
func (c *StepClaimer) Hint() {
	select {
	case c.hints <- struct{}{}:
	default:
	}
}

// Hear takes a notification about messages.
func (c *StepClaimer) Hear(payload string) {
	if i, ok := c.intake.(*messageIntake); ok && i.hear(payload) {
		c.Hint()
	}
}

// Run claims until ctx is done.
func (c *StepClaimer) Run(ctx context.Context) {
	trouble := backoff.NewExponentialBackOff()
	trouble.InitialInterval, trouble.MaxInterval = 20*time.Millisecond, time.Second
	for ctx.Err() == nil {
		more, err := c.claim(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			c.logger.Warn("steps cannot be claimed at the moment", "error", err)
			pause(ctx, trouble.NextBackOff())
		case !more:
			trouble.Reset()
			c.waitForWork(ctx)
		}
	}
}

// waitForWork returns on a hint, or after about the poll interval: hints can be lost, the queue cannot.
func (c *StepClaimer) waitForWork(ctx context.Context) {
	jittered := time.Duration(float64(c.poll) * (0.75 + rand.Float64()/2))
	select {
	case <-c.hints:
	case <-time.After(jittered):
	case <-ctx.Done():
	}
}

func (c *StepClaimer) claim(ctx context.Context) (more bool, err error) {
	if err := c.lookForOrphans(ctx); err != nil {
		return false, err
	}
	if err := c.slots.Acquire(ctx); err != nil {
		return false, err
	}
	got := 1 + c.slots.TryAcquire(claimLimit-1)
	lease := c.keeper.Lease(got)
	if lease.Budget == 0 || len(lease.Handlers) == 0 {
		c.slots.Release(got)
		return false, nil
	}
	// A stop must not cut a claim off half-way: its steps would be this worker's without its knowing.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitsWithin)
	defer cancel()
	c.ledger.flight.RLock()
	taken, err := c.intake.take(whole, lease)
	c.ledger.flight.RUnlock()
	c.slots.Release(got - taken.Started)
	if taken.Failed > 0 || store.Classify(err) == store.RemedyReconnect {
		c.Adopt()
	}
	return taken.More, err
}

// Reserve implements the orchestration's StepTaker.
func (c *StepClaimer) Reserve(want int) store.Lease {
	c.ledger.flight.RLock()
	lease := c.keeper.Lease(want)
	if lease.Budget > 0 {
		lease.Budget = c.slots.TryAcquire(min(want, claimLimit))
	}
	return lease
}

// Take implements the orchestration's StepTaker.
func (c *StepClaimer) Take(ctx context.Context, l store.Lease, steps []store.ClaimedStep) {
	taken := c.executor.executeAll(ctx, steps)
	c.slots.Release(l.Budget - taken.Started)
	if taken.Failed > 0 {
		c.Adopt()
	}
	c.ledger.flight.RUnlock()
}

// Adopt implements the orchestration's StepTaker: a commit went unanswered, so the database may hold steps as this
// worker's that it has never heard of. They are looked for before the next claim.
func (c *StepClaimer) Adopt() {
	c.suspect.Store(time.Now().Add(commitsWithin).UnixNano())
	c.adoptNow.Store(true)
	c.Hint()
}

const (
	// commitsWithin is how long a statement may go on at the server after its client lost it: its timeout, and some more.
	commitsWithin = 6 * time.Second
	// adoptEvery is how often orphans are looked for in that time.
	adoptEvery = 500 * time.Millisecond
)

// lookForOrphans looks while a statement may yet be committed, and once more after that.
func (c *StepClaimer) lookForOrphans(ctx context.Context) error {
	until := c.suspect.Load()
	if until == 0 || !c.adoptNow.Swap(false) && time.Since(c.adopted) < adoptEvery {
		return nil
	}
	c.adopted = time.Now()
	if err := c.adopt(ctx); err != nil {
		c.adoptNow.Store(true)
		return err
	}
	if c.adopted.UnixNano() > until {
		c.suspect.CompareAndSwap(until, 0)
	}
	return nil
}

// adopt runs the steps that are this worker's by the database and not in flight. While it compares, no statement that
// leases steps is on its way; what it finds can therefore be no one else's to start.
func (c *StepClaimer) adopt(ctx context.Context) error {
	c.ledger.flight.Lock()
	held, err := c.store.HeldSteps(ctx, c.keeper.WorkerID())
	orphans := slices.DeleteFunc(held, func(s store.ClaimedStep) bool {
		return c.ledger.has(dispatch.StepKey{TaskUUID: s.TaskUUID, StepNo: s.StepNo, Attempt: s.Counts.Attempt})
	})
	c.ledger.flight.Unlock()
	if err != nil {
		return err
	}
	for i := range orphans {
		if err := c.slots.Acquire(ctx); err != nil {
			return err
		}
		c.logger.Warn("a step of an unanswered commit is run", "step", orphans[i].Name, "task_uuid", orphans[i].TaskUUID)
		taken := c.executor.executeAll(ctx, orphans[i:i+1])
		c.slots.Release(1 - taken.Started)
		if taken.Failed > 0 {
			c.Adopt()
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
