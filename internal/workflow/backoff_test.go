package workflow_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

func TestEachKindOfBackoffGrowsInItsOwnWay(t *testing.T) {
	t.Parallel()
	const b = 100 * time.Millisecond
	for kind, want := range map[workflow.BackoffKind][]time.Duration{
		workflow.BackoffNone:        {0, 0, 0, 0, 0, 0},
		workflow.BackoffLinear:      {b, 2 * b, 3 * b, 4 * b, 5 * b, 6 * b},
		workflow.BackoffExponential: {b, 2 * b, 4 * b, 8 * b, 16 * b, 20 * b},
		workflow.BackoffFibonacci:   {b, b, 2 * b, 3 * b, 5 * b, 8 * b},
	} {
		backoff := workflow.Backoff{Kind: kind, Base: b, Max: 20 * b}
		for i, w := range want {
			require.Equal(t, w, backoff.Delay(int32(i+1), 0.5), "%s after %d failures", kind, i+1)
		}
	}
}

func TestTheMultiplierSetsTheGrowthOfAnExponentialBackoff(t *testing.T) {
	t.Parallel()
	backoff := workflow.Backoff{Kind: workflow.BackoffExponential, Base: time.Second, Max: time.Hour, Multiplier: 3}
	require.Equal(t, 9*time.Second, backoff.Delay(3, 0.5))
}

func TestJitterSpreadsTheDelayBothWaysWithinItsShare(t *testing.T) {
	t.Parallel()
	backoff := workflow.Backoff{Kind: workflow.BackoffLinear, Base: time.Second, Max: time.Minute, Jitter: 0.15}
	require.Equal(t, 850*time.Millisecond, backoff.Delay(1, 0))
	require.Equal(t, time.Second, backoff.Delay(1, 0.5))
	require.InDelta(t, float64(1150*time.Millisecond), float64(backoff.Delay(1, 0.999999)), float64(time.Millisecond))
}

func TestNoNumberOfFailuresOverflowsTheDelay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := workflow.Backoff{
			Kind:       rapid.SampledFrom([]workflow.BackoffKind{workflow.BackoffNone, workflow.BackoffLinear, workflow.BackoffExponential, workflow.BackoffFibonacci}).Draw(t, "kind"),
			Base:       time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "base")),
			Max:        time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "max")),
			Jitter:     rapid.Float64Range(0, 1).Draw(t, "jitter"),
			Multiplier: rapid.Float64Range(0, 100).Draw(t, "multiplier"),
		}
		d := b.Delay(rapid.Int32().Draw(t, "failures"), rapid.Float64Range(0, 0.999).Draw(t, "spread"))
		require.GreaterOrEqual(t, d, time.Duration(0))
		require.LessOrEqual(t, d, b.Max)
	})
}
