package orchestration

import (
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// Counters count what the orchestration of this process did. They only grow.
type Counters struct {
	// TasksRequested counts requests that were written, of which TasksExisting found the task of an earlier one.
	TasksRequested, TasksExisting atomic.Uint64
	// ResultsProcessed counts ends of attempts, of which ResultsStale changed nothing.
	ResultsProcessed, ResultsStale atomic.Uint64
	// StepsCompleted, StepsRetried and StepsFailed count what they meant.
	StepsCompleted, StepsRetried, StepsFailed atomic.Uint64
	// TasksCompleted and TasksFailed count tasks that came to rest by a step's end, blocked ones as failed.
	TasksCompleted, TasksFailed atomic.Uint64
	// Initialization and Processing time the statements that make tasks and apply results, each for many at once.
	Initialization, Processing Timing
}

// Timing sums up how long something took.
type Timing struct{ count, nanos atomic.Uint64 }

func (t *Timing) since(begun time.Time) {
	t.count.Add(1)
	t.nanos.Add(uint64(time.Since(begun)))
}

// Sum is how often it was done, and how long that took together.
func (t *Timing) Sum() (count uint64, took time.Duration) {
	return t.count.Load(), time.Duration(t.nanos.Load())
}

func (c *Counters) created(requests, existing int) {
	c.TasksRequested.Add(uint64(requests))
	c.TasksExisting.Add(uint64(existing))
}

func (c *Counters) applied(outcomes []store.Outcome, a *store.Applied) {
	c.ResultsProcessed.Add(uint64(len(outcomes)))
	c.ResultsStale.Add(uint64(len(a.Stale)))
	for i, state := range a.States {
		switch {
		case state == "":
		case outcomes[i].Kind == store.OutcomeRetry || outcomes[i].Kind == store.OutcomeRetryNow:
			c.StepsRetried.Add(1)
		case state.SatisfiesDependents():
			c.StepsCompleted.Add(1)
		case state == workflow.StepError:
			c.StepsFailed.Add(1)
		}
	}
	for _, t := range a.Ended {
		if t.State == workflow.TaskComplete {
			c.TasksCompleted.Add(1)
		} else {
			c.TasksFailed.Add(1)
		}
	}
}
