package dispatch

import (
	"slices"
	"sync"
)

// worthwhile is how many results of a shard are worth a statement of their own while another one runs. Fewer wait for it
// to end: one statement for all costs the database less than several at once, each for a few.
const worthwhile = 64

// completionQueue is the completion channel: it gathers results, and hands them to flush in batches. It never waits to
// fill one up. All attempts of a task belong to one shard, and no two batches at a time hold results of the same shard, so
// that the results of a task are flushed in order and their statements never wait for each other.
type completionQueue struct {
	flush func([]*Completion)
	// room bounds what waits, limit a batch.
	room, limit int

	mu       sync.Mutex
	changed  sync.Cond // there is room again, or nothing is left
	shards   []completionShard
	waiting  int
	blocked  int // callers of put
	flushing int // batches
	idle     int // goroutines that wait for a batch
	batches  chan completionBatch
	closed   bool
}

// completionBatch is what one statement takes, and the shards that it is of.
type completionBatch struct {
	results []*Completion
	of      []*completionShard
}

// completionShard is the part of a [completionQueue] that takes turns.
type completionShard struct {
	waiting []*Completion
	busy    bool // a batch holds some of its results
}

func newCompletionQueue(shards, room, limit int, flush func([]*Completion)) *completionQueue {
	q := &completionQueue{
		flush: flush, room: room, limit: limit, shards: make([]completionShard, shards), batches: make(chan completionBatch, shards),
	}
	q.changed.L = &q.mu
	return q
}

// put waits while the queue is full. It does nothing once the queue is closed.
func (q *completionQueue) put(c *Completion) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.blocked++
	for q.waiting >= q.room && !q.closed {
		q.changed.Wait()
	}
	q.blocked--
	q.add(c)
	q.start()
}

// putAlone is put for those who can flush: if nothing else is in the queue, the result is theirs to flush, and they then call
// done or handOn.
func (q *completionQueue) putAlone(c *Completion) (batch completionBatch, alone bool) {
	if batch, alone = q.takeAlone(c); !alone {
		q.put(c)
	}
	return batch, alone
}

// takeAlone is putAlone for those who keep the result otherwise.
func (q *completionQueue) takeAlone(c *Completion) (batch completionBatch, alone bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.waiting > 0 || q.flushing > 0 || q.blocked > 0 {
		return batch, false
	}
	shard := q.shard(c)
	shard.busy = true
	q.flushing++
	return completionBatch{[]*Completion{c}, []*completionShard{shard}}, true
}

// tryPut is put for those who must not wait: it takes the first of a batch, as many as there is room for.
func (q *completionQueue) tryPut(batch []*Completion) (put int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return len(batch)
	}
	put = min(len(batch), max(q.room-q.waiting, 0))
	for _, c := range batch[:put] {
		q.add(c)
	}
	q.start()
	return put
}

// add puts a result in its shard. The caller holds mu.
func (q *completionQueue) add(c *Completion) {
	shard := q.shard(c)
	shard.waiting = append(shard.waiting, c)
	q.waiting++
}

func (q *completionQueue) shard(c *Completion) *completionShard {
	return &q.shards[int(c.Message.Key.TaskUUID[15])%len(q.shards)]
}

// close takes nothing more but from those who wait in put, and returns when all is flushed.
func (q *completionQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := !q.closed
	q.closed = true
	q.changed.Broadcast()
	for q.blocked > 0 || q.waiting > 0 || q.flushing > 0 {
		q.changed.Wait()
	}
	if first {
		close(q.batches)
	}
}

// start flushes what is worth it now. The caller holds mu.
func (q *completionQueue) start() {
	for {
		of := q.next()
		if of == nil {
			return
		}
		q.flushing++
		q.give(completionBatch{q.take(of), of})
	}
}

// give has a batch flushed by another goroutine. The caller holds mu.
func (q *completionQueue) give(batch completionBatch) {
	if q.idle > 0 {
		q.idle--
		q.batches <- batch // there is room for one of each shard
	} else {
		go q.flushAll(batch)
	}
}

// handOn has a batch flushed that the caller took and could not flush.
func (q *completionQueue) handOn(batch completionBatch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.give(batch)
}

// done ends a batch, and starts what waited for it.
func (q *completionQueue) done(batch completionBatch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end(batch)
}

// flushAll flushes a batch and those that come later. The goroutine stays, since a new one would begin with a stack too small
// for a statement.
func (q *completionQueue) flushAll(batch completionBatch) {
	for open := true; open; batch, open = <-q.batches {
		q.flush(batch.results)
		q.mu.Lock()
		q.idle++
		q.end(batch)
		q.mu.Unlock()
	}
}

// end is done. The caller holds mu.
func (q *completionQueue) end(batch completionBatch) {
	for _, shard := range batch.of {
		shard.busy = false
	}
	q.flushing--
	q.start()
	q.changed.Broadcast()
}

// next is the shards whose results make the next batch, none if there shall be none now. The caller holds mu.
func (q *completionQueue) next() (ready []*completionShard) {
	few := false
	for i := range q.shards {
		if shard := &q.shards[i]; !shard.busy && len(shard.waiting) > 0 {
			ready = append(ready, shard)
			few = few || len(shard.waiting) < worthwhile
		}
	}
	if q.flushing == 0 && few { // all at once; those with the fewest first, so that none is left out for ever
		slices.SortFunc(ready, func(a, b *completionShard) int { return len(a.waiting) - len(b.waiting) })
		return ready
	}
	for i, shard := range ready {
		if len(shard.waiting) >= worthwhile {
			return ready[i : i+1]
		}
	}
	return nil
}

// take makes a batch of what waits in the shards. The caller holds mu.
func (q *completionQueue) take(of []*completionShard) []*Completion {
	var batch []*Completion
	for _, shard := range of {
		n := min(len(shard.waiting), q.limit-len(batch))
		batch = append(batch, shard.waiting[:n]...)
		shard.waiting = shift(shard.waiting, n)
		shard.busy = n > 0
	}
	q.waiting -= len(batch)
	return batch
}
