package dispatch

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

// queueTest is a queue whose flush takes a second.
type queueTest struct {
	*completionQueue
	begun time.Time

	mu      sync.Mutex
	batches []flushed
}

// flushed is a batch: how many results of each shard, and when it began.
type flushed struct {
	counts [2]int
	at     time.Duration
}

func newQueueTest(room, limit int) *queueTest {
	q := &queueTest{begun: time.Now()}
	q.completionQueue = newCompletionQueue(2, room, limit, func(batch []*Completion) {
		f := flushed{at: time.Since(q.begun)}
		for _, c := range batch {
			f.counts[c.Message.Key.TaskUUID[15]]++
		}
		q.mu.Lock()
		q.batches = append(q.batches, f)
		q.mu.Unlock()
		time.Sleep(time.Second)
	})
	return q
}

// result is one of a task in the shard.
func result(shard int) *Completion {
	m := &DispatchHandlerMessage{}
	m.Key.TaskUUID[15] = byte(shard)
	return &Completion{Message: m}
}

func (q *queueTest) puts(shard, n int) {
	for range n {
		q.put(result(shard))
	}
	synctest.Wait()
}

func TestALoneResultIsFlushedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(1000, 500)
		for range 2 {
			time.Sleep(5 * time.Second)
			q.puts(1, 1)
		}
		q.close()
		require.Equal(t, []flushed{{[2]int{0, 1}, 5 * time.Second}, {[2]int{0, 1}, 10 * time.Second}}, q.batches)
	})
}

func TestFewResultsWaitForTheBatchBeforeThemAndGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(1000, 500)
		q.puts(0, 1)
		q.puts(0, 3)
		q.puts(1, worthwhile-1)
		q.close()
		require.Equal(t, []flushed{{[2]int{1, 0}, 0}, {[2]int{3, worthwhile - 1}, time.Second}}, q.batches)
	})
}

func TestManyResultsAreFlushedBesideThoseOfOtherTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(1000, 500)
		q.puts(0, 1)
		time.Sleep(500 * time.Millisecond)
		q.puts(0, worthwhile)
		q.puts(1, worthwhile)
		require.Len(t, q.batches, 2, "no two batches hold results of the same shard")
		q.close()
		require.Equal(t, []flushed{
			{[2]int{1, 0}, 0}, {[2]int{0, worthwhile}, 500 * time.Millisecond}, {[2]int{worthwhile, 0}, time.Second},
		}, q.batches)
	})
}

func TestTasksWithManyResultsDoNotKeepOutThoseWithFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(10_000, 100)
		q.puts(0, 1000)
		q.puts(1, 1)
		time.Sleep(1500 * time.Millisecond)
		q.mu.Lock()
		require.Equal(t, flushed{[2]int{99, 1}, time.Second}, q.batches[len(q.batches)-1])
		q.mu.Unlock()
		q.close()
		require.Len(t, q.batches, 11, "one result, and a thousand in hundreds")
	})
}

func TestAFullQueueMakesSendersWaitAndTakesThemWhenItIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(2, 500)
		q.puts(0, 3) // one of which is being flushed
		require.Zero(t, q.tryPut([]*Completion{result(0)}))
		sent := make(chan time.Duration)
		go func() {
			q.put(result(0))
			sent <- time.Since(q.begun)
		}()
		require.Equal(t, time.Second, <-sent)
		q.puts(0, 1)
		go q.put(result(1))
		synctest.Wait()
		q.close()
		require.Equal(t, []flushed{{[2]int{1, 0}, 0}, {[2]int{2, 0}, time.Second}, {[2]int{2, 1}, 2 * time.Second}}, q.batches)
		q.put(result(0))
		require.Equal(t, 1, q.tryPut([]*Completion{result(0)}), "as put, it does nothing then")
		require.Zero(t, q.waiting)
	})
}

func TestTheResultsOfATaskAreFlushedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tasks, each = 5, 400
		var mu sync.Mutex
		last := map[sdk.UUID]int32{}
		q := newCompletionQueue(3, 100, 70, func(batch []*Completion) {
			mu.Lock()
			for _, c := range batch {
				key := c.Message.Key
				assert.Equal(t, last[key.TaskUUID]+1, key.StepNo)
				last[key.TaskUUID] = key.StepNo
			}
			mu.Unlock()
			time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
		})
		var senders sync.WaitGroup
		for task := range tasks {
			senders.Go(func() {
				for n := range int32(each) {
					c := result(task)
					c.Message.Key.StepNo = n + 1
					q.put(c)
					time.Sleep(time.Duration(rand.IntN(10)) * time.Microsecond)
				}
			})
		}
		senders.Wait()
		q.close()
		for task, n := range last {
			require.EqualValues(t, each, n, task)
		}
		require.Len(t, last, tasks)
	})
}
