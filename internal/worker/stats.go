package worker

import "sync/atomic"

// AtomicStepExecutionStats counts steps without locks.
type AtomicStepExecutionStats struct {
	totalExecuted, totalSucceeded, totalFailed, totalExecutionTimeMS atomic.Uint64
}

// RecordSuccess counts a step that succeeded after so many milliseconds.
func (s *AtomicStepExecutionStats) RecordSuccess(executionTimeMS uint64) {
	s.totalExecuted.Add(1)
	s.totalSucceeded.Add(1)
	s.totalExecutionTimeMS.Add(executionTimeMS)
}

// RecordFailure counts a step that failed after so many milliseconds.
func (s *AtomicStepExecutionStats) RecordFailure(executionTimeMS uint64) {
	s.totalExecuted.Add(1)
	s.totalFailed.Add(1)
	s.totalExecutionTimeMS.Add(executionTimeMS)
}

// Snapshot reads the counters. A step is counted as executed first and as such read last, so that no snapshot shows more
// outcomes than steps.
func (s *AtomicStepExecutionStats) Snapshot() StepExecutionStats {
	stats := StepExecutionStats{TotalSucceeded: s.totalSucceeded.Load(), TotalFailed: s.totalFailed.Load()}
	ms := s.totalExecutionTimeMS.Load()
	stats.TotalExecuted = s.totalExecuted.Load()
	if n := stats.TotalExecuted; n > 0 {
		stats.AverageExecutionTimeMS = float64(ms) / float64(n)
	}
	return stats
}

// StepExecutionStats are the counters at one moment.
type StepExecutionStats struct {
	TotalExecuted          uint64  `json:"total_executed"`
	TotalSucceeded         uint64  `json:"total_succeeded"`
	TotalFailed            uint64  `json:"total_failed"`
	AverageExecutionTimeMS float64 `json:"average_execution_time_ms"`
}
