package event

import "sync"

// queue is a bounded line of events that gives up its oldest one for a new one, so that putting never waits. It is safe for
// many goroutines.
type queue struct {
	// ready holds a token while there is something to take.
	ready chan struct{}

	mu    sync.Mutex
	ring  []*DomainEvent
	first int
	count int
}

func newQueue(size int) *queue {
	return &queue{ready: make(chan struct{}, 1), ring: make([]*DomainEvent, max(size, 1))}
}

// put appends an event, and says whether it cost the oldest one.
func (q *queue) put(e *DomainEvent) (dropped bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if dropped = q.count == len(q.ring); dropped {
		q.removeFirst()
	}
	q.ring[(q.first+q.count)%len(q.ring)] = e
	q.count++
	q.signal()
	return dropped
}

// take removes the oldest event; ok is false if there is none.
func (q *queue) take() (e *DomainEvent, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == 0 {
		return nil, false
	}
	e = q.removeFirst()
	if q.count > 0 {
		q.signal()
	}
	return e, true
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

func (q *queue) removeFirst() *DomainEvent {
	e := q.ring[q.first]
	q.ring[q.first] = nil // let it go
	q.first = (q.first + 1) % len(q.ring)
	q.count--
	return e
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
