package workflow

import (
	"math"
	"time"
)

// BackoffKind says how the delay grows with the number of failed attempts.
type BackoffKind string

// The kinds of backoff. With base b the delays before attempts 2, 3, 4, 5 are: none 0, 0, 0, 0; linear b, 2b, 3b, 4b;
// exponential b, 2b, 4b, 8b; fibonacci b, b, 2b, 3b.
const (
	BackoffNone        BackoffKind = "none"
	BackoffLinear      BackoffKind = "linear"
	BackoffExponential BackoffKind = "exponential"
	BackoffFibonacci   BackoffKind = "fibonacci"
)

// Backoff computes the time between attempts.
type Backoff struct {
	Kind BackoffKind
	// Base is the first delay. Defaults to one second.
	Base time.Duration
	// Max bounds the delay, jitter included. Defaults to 30 seconds.
	Max time.Duration
	// Multiplier is the growth of an exponential backoff. Defaults to 2.
	Multiplier float64
	// Jitter spreads the delay by up to this share of itself, both ways: 0.15 gives 85 % to 115 %. 0 is exact.
	Jitter float64
}

const (
	defaultBackoffBase = time.Second
	defaultBackoffMax  = 30 * time.Second
)

// Delay is the time to wait after the failed attempt number failures, counted from 1. spread, in [0, 1), places the delay
// in the jitter's range; 0.5 is its middle. Any number of failures is safe: the delay stops at Max.
func (b Backoff) Delay(failures int32, spread float64) time.Duration {
	base, limit := b.Base, b.Max
	if base <= 0 {
		base = defaultBackoffBase
	}
	if limit <= 0 {
		limit = defaultBackoffMax
	}
	failures = max(failures, 1)
	var factor float64
	switch b.Kind {
	case BackoffNone:
		return 0
	case BackoffLinear:
		factor = float64(failures)
	case BackoffFibonacci:
		factor = fibonacci(failures)
	default:
		factor = math.Pow(b.multiplier(), float64(failures-1))
	}
	factor *= 1 + b.Jitter*(2*spread-1)
	if d := factor * float64(base); d < float64(limit) {
		return time.Duration(d)
	}
	return limit
}

func fibonacci(n int32) float64 {
	a, b := 0.0, 1.0
	for range min(n, 1000) {
		a, b = b, a+b
	}
	return a
}

func (b Backoff) multiplier() float64 {
	if b.Multiplier <= 0 {
		return 2
	}
	return b.Multiplier
}
