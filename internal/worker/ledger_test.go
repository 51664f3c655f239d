package worker

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/sdk"
)

func jobOf(task sdk.UUID, no, attempt int32) *job {
	return &job{message: &dispatch.DispatchHandlerMessage{Key: dispatch.StepKey{TaskUUID: task, StepNo: no, Attempt: attempt}}}
}

func TestTheLedgerHoldsEachAttemptOnce(t *testing.T) {
	t.Parallel()
	l, task := newLedger(), sdk.NewUUID()
	first := jobOf(task, 1, 1)
	require.True(t, l.add(first))
	require.False(t, l.add(jobOf(task, 1, 1)))
	require.True(t, l.add(jobOf(task, 1, 2)), "another attempt is another job")
	require.True(t, l.add(jobOf(task, 2, 1)))
	require.True(t, l.add(jobOf(sdk.NewUUID(), 1, 1)))
	require.Equal(t, 4, l.size())
	require.Same(t, first, l.get(first.message.Key))
	require.Len(t, l.matching(task), 3)
	require.Len(t, l.matching(sdk.UUID{}), 4)
	require.Empty(t, l.matching(sdk.NewUUID()))

	l.remove(first.message.Key)
	l.remove(first.message.Key)
	require.False(t, l.has(first.message.Key))
	require.Nil(t, l.get(first.message.Key))
	require.Equal(t, 3, l.size())
	require.True(t, l.add(first))
}

func TestOfManyWhoEnterAnAttemptOneIsFirst(t *testing.T) {
	t.Parallel()
	l, task := newLedger(), sdk.NewUUID()
	var entered atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for no := range int32(200) {
				if l.add(jobOf(task, no, 1)) {
					entered.Add(1)
				}
				l.matching(task)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 200, entered.Load())
	require.Equal(t, 200, l.size())
}
