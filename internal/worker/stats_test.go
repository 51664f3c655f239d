package worker

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatisticsCountEveryStepHoweverManyCountAtOnce(t *testing.T) {
	t.Parallel()
	var stats AtomicStepExecutionStats
	require.Equal(t, StepExecutionStats{}, stats.Snapshot())
	const hands, each = 16, 2000
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			for range each {
				if hand%4 == 0 {
					stats.RecordFailure(30)
				} else {
					stats.RecordSuccess(10)
				}
				if s := stats.Snapshot(); s.TotalExecuted < s.TotalSucceeded+s.TotalFailed {
					t.Errorf("more outcomes than steps: %+v", s)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, StepExecutionStats{
		TotalExecuted: hands * each, TotalSucceeded: hands * each * 3 / 4, TotalFailed: hands * each / 4, AverageExecutionTimeMS: 15,
	}, stats.Snapshot())
}

func TestCountingAStepTakesNoLockAndNoMemory(t *testing.T) {
	var stats AtomicStepExecutionStats
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		stats.RecordSuccess(1)
		stats.RecordFailure(1)
		_ = stats.Snapshot()
	}))
}
