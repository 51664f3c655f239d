package dispatch

import (
	"math"
	"sync"
	"time"
)

// FfiBreakerConfig tunes the breaker over the sending of results; the zero value is ready to use.
type FfiBreakerConfig struct {
	// FailureThreshold slow sends in a row open the breaker. Defaults to 5.
	FailureThreshold int
	// RecoveryTimeout is how long it stays open before some steps are let through as a test. Defaults to 5 seconds.
	RecoveryTimeout time.Duration
	// SuccessThreshold fast sends in a row close it again. Defaults to 2.
	SuccessThreshold int
	// SlowSendThreshold: a send that takes longer is slow. Defaults to 100 milliseconds.
	SlowSendThreshold time.Duration
}

func (c FfiBreakerConfig) withDefaults() FfiBreakerConfig {
	if c.FailureThreshold <= 0 {
		c.FailureThreshold = 5
	}
	if c.RecoveryTimeout <= 0 {
		c.RecoveryTimeout = 5 * time.Second
	}
	if c.SuccessThreshold <= 0 {
		c.SuccessThreshold = 2
	}
	if c.SlowSendThreshold <= 0 {
		c.SlowSendThreshold = 100 * time.Millisecond
	}
	return c
}

// FfiBreakerState is closed, open or half_open.
type FfiBreakerState string

// The states of the breaker.
const (
	FfiBreakerClosed   FfiBreakerState = "closed"
	FfiBreakerOpen     FfiBreakerState = "open"
	FfiBreakerHalfOpen FfiBreakerState = "half_open"
)

// FfiBreakerMetrics count what the breaker saw and did.
type FfiBreakerMetrics struct {
	State               FfiBreakerState `json:"state"`
	ConsecutiveFailures int             `json:"consecutive_failures"`
	Sends               uint64          `json:"sends_total"`
	SlowSends           uint64          `json:"slow_sends_total"`
	Opened              uint64          `json:"opened_total"`
	// Rejections are polls that were given fewer steps than there were.
	Rejections uint64 `json:"circuit_rejections_total"`
}

// ffiBreaker opens when results are taken slowly. It never keeps a result from being sent: while it is open, the host is
// given no more work.
type ffiBreaker struct {
	cfg FfiBreakerConfig

	mu        sync.Mutex
	metrics   FfiBreakerMetrics
	successes int
	probes    int // steps let through since half-open
	openedAt  time.Time
}

func newFfiBreaker(cfg FfiBreakerConfig) *ffiBreaker {
	return &ffiBreaker{cfg: cfg.withDefaults(), metrics: FfiBreakerMetrics{State: FfiBreakerClosed}}
}

// observe tells how long n sends took together, and returns whether the breaker opened or closed by it. If that is too
// long, one of them was slow.
func (b *ffiBreaker) observe(n int, took time.Duration, now time.Time) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	b.metrics.Sends += uint64(n)
	if took > b.cfg.SlowSendThreshold {
		b.metrics.SlowSends++
		b.metrics.ConsecutiveFailures++
		b.successes = 0
		failed := b.metrics.State == FfiBreakerHalfOpen ||
			b.metrics.State == FfiBreakerClosed && b.metrics.ConsecutiveFailures >= b.cfg.FailureThreshold
		if failed {
			b.open(now)
		}
		return failed
	}
	switch b.metrics.State {
	case FfiBreakerClosed:
		b.metrics.ConsecutiveFailures = 0
	case FfiBreakerHalfOpen:
		if b.successes += n; b.successes >= b.cfg.SuccessThreshold {
			b.close()
			return true
		}
	}
	return false
}

// trusting says that results are taken quickly, so that not each send is worth a measurement of its own.
func (b *ffiBreaker) trusting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.metrics.State == FfiBreakerClosed && b.metrics.ConsecutiveFailures == 0
}

// sent counts sends that could not be slow.
func (b *ffiBreaker) sent(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.metrics.Sends += uint64(n)
}

// room returns how many steps may be handed out now.
func (b *ffiBreaker) room(now time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	switch b.metrics.State {
	case FfiBreakerClosed:
		return math.MaxInt
	case FfiBreakerHalfOpen:
		return max(0, b.cfg.SuccessThreshold-b.probes)
	}
	return 0
}

// handed tells how many steps were handed out, and whether there were more than there was room for.
func (b *ffiBreaker) handed(n int, refused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if refused {
		b.metrics.Rejections++
	}
	if b.metrics.State == FfiBreakerHalfOpen {
		b.probes += n
	}
}

// recovery is when an open breaker becomes half-open; ok is false if it is not open.
func (b *ffiBreaker) recovery() (at time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.openedAt.Add(b.cfg.RecoveryTimeout), b.metrics.State == FfiBreakerOpen
}

func (b *ffiBreaker) advance(now time.Time) {
	if b.metrics.State == FfiBreakerOpen && !now.Before(b.openedAt.Add(b.cfg.RecoveryTimeout)) {
		b.metrics.State, b.probes, b.successes = FfiBreakerHalfOpen, 0, 0
	}
}

func (b *ffiBreaker) open(now time.Time) {
	b.metrics.State, b.openedAt = FfiBreakerOpen, now
	b.metrics.Opened++
}

func (b *ffiBreaker) close() {
	b.metrics.State, b.metrics.ConsecutiveFailures = FfiBreakerClosed, 0
}

func (b *ffiBreaker) force(open bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if open {
		b.open(now)
	} else {
		b.close()
	}
}

func (b *ffiBreaker) snapshot(now time.Time) FfiBreakerMetrics {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	return b.metrics
}
