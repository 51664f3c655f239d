package dispatch

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// Slots bounds the steps that a process runs at once, whatever language runs them. A slot is taken before a step is
// claimed and given back after its result was accepted, so nothing is claimed that cannot run.
type Slots struct {
	size int64
	used atomic.Int64
	sem  *semaphore.Weighted
	// freed holds a token after a slot became free, for [Slots.Freed].
	freed chan struct{}
}

// NewSlots makes room for size steps.
func NewSlots(size int) *Slots {
	return &Slots{size: int64(size), sem: semaphore.NewWeighted(int64(size)), freed: make(chan struct{}, 1)}
}

// Acquire waits for one slot.
func (s *Slots) Acquire(ctx context.Context) error {
	if err := s.sem.Acquire(ctx, 1); err != nil {
		return err
	}
	s.used.Add(1)
	return nil
}

// TryAcquire takes up to want slots without waiting, and returns how many it got.
func (s *Slots) TryAcquire(want int) int {
	for n := min(int64(want), s.size-s.used.Load()); n > 0; n /= 2 {
		if s.sem.TryAcquire(n) {
			s.used.Add(n)
			return int(n)
		}
	}
	return 0
}

// Release gives n slots back.
func (s *Slots) Release(n int) {
	if n == 0 {
		return
	}
	s.used.Add(-int64(n))
	s.sem.Release(int64(n))
	select {
	case s.freed <- struct{}{}:
	default:
	}
}

// Freed delivers after slots were given back. It is for one reader.
func (s *Slots) Freed() <-chan struct{} { return s.freed }

// Size is how many slots there are.
func (s *Slots) Size() int { return int(s.size) }

// InUse is how many are taken.
func (s *Slots) InUse() int { return int(s.used.Load()) }
