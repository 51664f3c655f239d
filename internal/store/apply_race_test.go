package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// insist repeats a statement that lost a race, as its callers do; any other error stands.
func insist(statement func() error) error {
	for {
		if err := statement(); store.Classify(err) != store.RemedyRetry {
			return err
		}
	}
}

func TestOverlappingBatchesOfOneWideTaskNeverLockEachOtherOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const width, hands = 400, 6
	template := w.register(t, wide(width))
	l := w.worker(t, width)
	task := w.create(t, template, l)
	require.Len(t, w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete)).Leased, width)

	var last atomic.Int32
	var g errgroup.Group
	for hand := range hands {
		g.Go(func() error {
			random := rand.New(rand.NewPCG(7, uint64(hand)))
			for range 60 { // 6 hands, 60 batches of 20: each step is reported 18 times
				batch := make([]store.Outcome, 20)
				for i := range batch {
					batch[i] = outcome(task, 1+random.Int32N(width), 1, store.OutcomeComplete)
				}
				applied, err := w.ApplyOutcomes(t.Context(), batch, l)
				if err != nil {
					return err // the order of locks is such that there is no deadlock to give way to
				}
				if len(applied.Stale) > 0 {
					return fmt.Errorf("repeated outcomes are not stale: %v", applied.Stale)
				}
				last.Add(int32(len(applied.Leased)))
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	all := make([]store.Outcome, width)
	for i := range all {
		all[i] = outcome(task, int32(i+1), 1, store.OutcomeComplete)
	}
	last.Add(int32(len(w.apply(t, l, all...).Leased)))
	require.EqualValues(t, 1, last.Load())
	require.Len(t, w.apply(t, l, outcome(task, width+1, 1, store.OutcomeComplete)).Ended, 1)
	require.Equal(t, width+2, w.db.Count(t, `select count(*) from tasker.step_transitions where path[3] = 'complete'`))
}

// storm is what a test lets loose on a world: workers that are lost, results that come late, twice or never.
type storm struct {
	*world
	pool     *pgxpool.Pool
	template int32
	until    time.Time
	lease    store.Lease

	mu    sync.Mutex
	past  []store.Outcome // outcomes that were sent before, to be sent again
	ended map[sdk.UUID]int
}

func TestAStormOfOutcomesLeavesNoDisorder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, shape{{}, {0}, {0}, {0, 1}, {1, 2}, {3, 4}})
	s := &storm{world: w, pool: w.db.Pool(t), template: template, until: time.Now().Add(2 * time.Second), lease: w.worker(t, 8), ended: map[sdk.UUID]int{}}

	g, ctx := errgroup.WithContext(t.Context())
	for hand := range uint64(6) {
		g.Go(func() error { return s.work(ctx, rand.New(rand.NewPCG(11, hand))) })
	}
	g.Go(func() error { return s.sweep(ctx) })
	require.NoError(t, g.Wait())
	w.intact(t)

	s.calm(t)
	tasks := w.db.Count(t, "select count(*) from tasker.tasks")
	require.Greater(t, tasks, 10)
	require.Equal(t, tasks, w.db.Count(t, "select count(*) from tasker.tasks where state = 'complete'"))
	require.Len(t, s.ended, tasks)
	for task, times := range s.ended {
		require.Equal(t, 1, times, "task %s", task)
	}
	require.Zero(t, w.db.Count(t, `select (select count(*) from tasker.ready_steps) + (select count(*) from tasker.step_timers) + (select count(*) from tasker.task_claims)`))
}

// work creates, claims and ends at random, under a worker that is replaced now and then without a word.
func (s *storm) work(ctx context.Context, random *rand.Rand) error {
	l := s.lease
	var held []store.LeasedStep
	for time.Now().Before(s.until) {
		if random.IntN(15) == 0 { // the worker dies; its successor knows nothing of what it held
			if err := s.lose(ctx, l.WorkerID); err != nil {
				return err
			}
			held = nil
			id, err := s.RegisterWorker(ctx, store.WorkerRegistration{Name: "w", Hostname: "host", Slots: 8, Lease: time.Hour})
			if err != nil {
				return err
			}
			l.WorkerID = id
		}
		var more []store.LeasedStep
		err := insist(func() (err error) { more, err = s.turn(ctx, random, l, &held); return err })
		if err != nil {
			return err
		}
		held = append(held, more...)
	}
	return s.lose(ctx, l.WorkerID)
}

// lose lets a worker's lease run out. What it holds is the sweeper's.
func (s *storm) lose(ctx context.Context, worker int32) error {
	_, err := s.pool.Exec(ctx, `update tasker.workers set lease_until = clock_timestamp(), lease_ms = 0 where worker_id = $1`, worker)
	return err
}

func (s *storm) turn(ctx context.Context, random *rand.Rand, l store.Lease, held *[]store.LeasedStep) ([]store.LeasedStep, error) {
	switch {
	case random.IntN(6) == 0:
		created, err := s.CreateTasks(ctx, tasksOf(s.template, 1+random.IntN(3)), l)
		return created.Leased, err
	case len(*held) == 0:
		claimed, _, err := s.ClaimSteps(ctx, l)
		var steps []store.LeasedStep
		for _, c := range claimed {
			steps = append(steps, c.LeasedStep)
		}
		return steps, err
	}
	n := 1 + random.IntN(len(*held))
	batch := s.ends(random, (*held)[:n])
	applied, err := s.ApplyOutcomes(ctx, batch, l)
	if err != nil {
		return nil, err
	}
	*held = append([]store.LeasedStep(nil), (*held)[n:]...)
	s.tell(applied.Ended, batch...)
	return applied.Leased, nil
}

// ends makes outcomes of steps, and adds some that were sent before.
func (s *storm) ends(random *rand.Rand, steps []store.LeasedStep) []store.Outcome {
	kinds := []store.OutcomeKind{store.OutcomeComplete, store.OutcomeComplete, store.OutcomeComplete, store.OutcomeRetry, store.OutcomeRetryNow, store.OutcomeRelease}
	var batch []store.Outcome
	for _, step := range steps {
		o := outcome(step.TaskUUID, step.StepNo, step.Counts.Attempt, kinds[random.IntN(len(kinds))])
		o.Delay = time.Duration(random.IntN(40)) * time.Millisecond
		batch = append(batch, o)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for range min(random.IntN(3), len(s.past)) {
		batch = append(batch, s.past[random.IntN(len(s.past))])
	}
	return batch
}

func (s *storm) tell(ended []store.EndedTask, sent ...store.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.past = append(s.past, sent...)
	for _, e := range ended {
		s.ended[e.TaskUUID]++
	}
}

// sweep fires timers and recovers the steps of lost workers, as every process does.
func (s *storm) sweep(ctx context.Context) error {
	for time.Now().Before(s.until) {
		if err := insist(func() error { _, err := s.FireTimers(ctx); return err }); err != nil {
			return err
		}
		if err := insist(func() error { return s.recover(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *storm) recover(ctx context.Context) error {
	lost, err := s.LostSteps(ctx, 100)
	if err != nil {
		return err
	}
	outcomes := make([]store.Outcome, len(lost))
	for i, l := range lost {
		outcomes[i] = outcome(l.TaskUUID, l.StepNo, l.Counts.Attempt, store.OutcomeCrash)
	}
	_, err = s.ApplyOutcomes(ctx, outcomes, store.Lease{})
	return err
}

// calm lets everything that is left run to its end.
func (s *storm) calm(t *testing.T) {
	t.Helper()
	l := s.world.worker(t, 100)
	open := `select count(*) from tasker.tasks where state <> 'complete'`
	for s.db.Count(t, open) > 0 {
		require.NoError(t, s.recover(t.Context()))
		s.db.Exec(t, `update tasker.step_timers set run_at = run_at - interval '1 hour'`)
		s.db.Exec(t, `update tasker.workflow_steps set run_at = run_at - interval '1 hour' where run_at is not null`)
		_, err := s.FireTimers(t.Context())
		require.NoError(t, err)
		var outcomes []store.Outcome
		for _, step := range s.claim(t, l) {
			outcomes = append(outcomes, outcome(step.TaskUUID, step.StepNo, step.Counts.Attempt, store.OutcomeComplete))
		}
		s.tell(s.apply(t, store.Lease{}, outcomes...).Ended)
	}
}
