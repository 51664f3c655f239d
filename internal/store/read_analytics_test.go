package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
)

// analysed is a world with a complete task, one that failed after a retry, one that runs and one of last week.
func analysed(t *testing.T) *readWorld {
	t.Helper()
	w := newReadWorld(t)
	old := w.create(t, nil)
	_, err := w.CancelTask(t.Context(), old, "ada", "")
	require.NoError(t, err)
	w.db.Exec(t, "update tasker.tasks set created_at = created_at - interval '7 days' where task_uuid = $1", old)

	done := w.create(t, nil)
	for _, steps := range [][]int32{{validateStep}, {chargeStep, reserveStep}, {shipStep}} {
		require.Equal(t, steps, w.claim(t, done))
		for _, no := range steps {
			applied := w.apply(t, done, store.Outcome{StepNo: no, Attempt: 1, Kind: store.OutcomeComplete, ExecutionTimeMS: int64(100 * (no + 1)), Result: []byte(`{}`)})
			require.Empty(t, applied.Stale)
		}
	}
	w.db.Exec(t, "update tasker.tasks set completed_at = created_at + interval '4 seconds' where task_uuid = $1", done)

	failed := w.create(t, nil)
	require.Equal(t, []int32{validateStep}, w.claim(t, failed))
	w.apply(t, failed, store.Outcome{StepNo: validateStep, Attempt: 1, Kind: store.OutcomeRetryNow, ExecutionTimeMS: 500})
	require.Equal(t, []int32{validateStep}, w.claim(t, failed))
	w.apply(t, failed, store.Outcome{StepNo: validateStep, Attempt: 2, Kind: store.OutcomeError, ExecutionTimeMS: 300})
	w.create(t, nil)
	return w
}

var anHour = store.Analysis{Window: time.Hour, Tasks: 100, Steps: 1000}

func TestRecentTasksAreSummedUp(t *testing.T) {
	t.Parallel()
	w := analysed(t)
	p, err := w.Performance(t.Context(), anHour)
	require.NoError(t, err)
	require.Equal(t, []int64{3, 1, 1, 1, 6}, []int64{p.Total, p.Active, p.Completed, p.Failed, p.Steps})
	require.Equal(t, 4*time.Second, p.TaskTime)
	require.Equal(t, 300*time.Millisecond, p.StepTime)
	require.WithinDuration(t, p.Now.Add(-time.Hour), p.Since, time.Minute)

	all, err := w.Performance(t.Context(), store.Analysis{Window: 30 * 24 * time.Hour, Tasks: 100, Steps: 1000})
	require.NoError(t, err)
	require.EqualValues(t, 4, all.Total)
	few, err := w.Performance(t.Context(), store.Analysis{Window: time.Hour, Tasks: 2, Steps: 1})
	require.NoError(t, err)
	require.EqualValues(t, 2, few.Total)
	require.EqualValues(t, 1, few.Steps)
	require.Greater(t, few.Since, p.Since, "the period is that of the tasks that were read")
	none, err := newReadWorld(t).Performance(t.Context(), anHour)
	require.NoError(t, err)
	require.Zero(t, none.Total+none.Steps)
}

func TestTheSlowestStepsAndTemplatesComeFirst(t *testing.T) {
	t.Parallel()
	w := analysed(t)
	steps, tasks, err := w.Bottlenecks(t.Context(), anHour, 1, 10)
	require.NoError(t, err)
	var names []string
	for _, s := range steps {
		names = append(names, fmt.Sprintf("%s %s %s %d/%d", s.Step, s.Average, s.Max, s.Errors, s.Count))
	}
	require.Equal(t, []string{"ship 400ms 400ms 0/1", "validate 300ms 500ms 2/3", "reserve 300ms 300ms 0/1", "charge 200ms 200ms 0/1"}, sortedTies(names))
	require.Equal(t, "shop/order/1.0.0", steps[0].Namespace+"/"+steps[0].Name+"/"+steps[0].Version)
	require.NotNil(t, steps[0].Last)
	require.Len(t, tasks, 1)
	require.Equal(t, []any{4 * time.Second, 4 * time.Second, int64(3), int64(1), 4.0},
		[]any{tasks[0].Average, tasks[0].Max, tasks[0].Count, tasks[0].Errors, tasks[0].StepCount})
	steps, tasks, err = w.Bottlenecks(t.Context(), anHour, 3, 10)
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.Len(t, tasks, 1)
	steps, tasks, err = w.Bottlenecks(t.Context(), anHour, 4, 10)
	require.NoError(t, err)
	require.Empty(t, append(steps, tasks...))
}

// sortedTies puts the two steps that take the same time in the order the test names them.
func sortedTies(names []string) []string {
	if names[1] > names[2] {
		return names
	}
	return []string{names[0], names[2], names[1], names[3]}
}

func TestStatesAreCountedAndQueuesAreLookedAt(t *testing.T) {
	t.Parallel()
	w := analysed(t)
	tasks, steps, err := w.StateCounts(t.Context(), anHour)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"complete": 1, "blocked_by_failures": 1, "steps_in_process": 1}, tasks)
	require.Equal(t, map[string]int64{"complete": 4, "error": 1, "enqueued": 1, "pending": 6}, steps)
	b, err := w.Backlog(t.Context(), 100)
	require.NoError(t, err)
	require.Positive(t, b.Oldest)
	b.Oldest = 0
	require.Equal(t, store.Backlog{Ready: 1, Blocked: 1, Workers: 1, Slots: 10}, b)
	w.create(t, nil)
	b, err = w.Backlog(t.Context(), 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, b.Ready, "no more than the limit is counted")
}
