package event

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
)

// SubscriberFunc handles one event. Its context is cancelled when the subscription ends. An error, or a panic, is logged and
// counted; it is not tried again.
type SubscriberFunc func(ctx context.Context, e DomainEvent) error

// Subscription is one subscriber of a [Bus].
type Subscription struct {
	bus     *Bus
	pattern pattern
	fn      SubscriberFunc
	queue   *queue
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{} // closed when no call of fn can come any more

	busy                     atomic.Bool // while fn runs
	handled, failed, dropped atomic.Uint64
	lastError                atomic.Pointer[error]
}

// SubscriptionStats counts what became of one subscriber's events.
type SubscriptionStats struct {
	// Handled events were given to the subscriber; Failed are those of them that ended in an error or a panic.
	Handled, Failed uint64
	// Dropped events were lost because the subscriber was too slow.
	Dropped uint64
	// LastError is the latest failure, or nil.
	LastError error
}

func newSubscription(b *Bus, p pattern, fn SubscriberFunc) *Subscription {
	s := &Subscription{bus: b, pattern: p, fn: fn, queue: newQueue(b.queueSize), done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Unsubscribe ends the subscription: what waits is forgotten. It may be called more than once, and by the subscriber itself;
// a call that is under way is not waited for.
func (s *Subscription) Unsubscribe() {
	s.bus.removeSubscription(s)
	s.cancel()
}

// Stats reads the counters.
func (s *Subscription) Stats() SubscriptionStats {
	stats := SubscriptionStats{Handled: s.handled.Load(), Failed: s.failed.Load(), Dropped: s.dropped.Load()}
	if err := s.lastError.Load(); err != nil {
		stats.LastError = *err
	}
	return stats
}

func (s *Subscription) run() {
	ended := false
	defer func() {
		if !ended { // the subscriber ended the goroutine
			go s.run()
			return
		}
		s.cancel()
		close(s.done)
	}()
	s.receive()
	ended = true
}

// receive handles events until the subscription ends or the bus is closed.
func (s *Subscription) receive() {
	for {
		select {
		case <-s.queue.ready:
			s.handleWaiting()
		case <-s.bus.closing: // nothing is added after this
			s.handleWaiting()
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// handleWaiting empties the queue, unless the subscription ends.
func (s *Subscription) handleWaiting() {
	for s.ctx.Err() == nil {
		e, ok := s.queue.take()
		if !ok {
			return
		}
		s.handle(e)
	}
}

func (s *Subscription) handle(e *DomainEvent) {
	s.handled.Add(1)
	s.bus.counters.handled.Add(1)
	s.busy.Store(true)
	err := errGoroutineEnded
	defer func() {
		s.busy.Store(false)
		if err != nil {
			s.failed.Add(1)
			s.bus.counters.failed.Add(1)
			s.lastError.Store(&err)
			s.bus.log.ErrorContext(s.ctx, "a subscriber failed on a domain event", "pattern", string(s.pattern),
				"event_name", e.EventName, "event_id", e.EventID, "correlation_id", e.Metadata.CorrelationID, "error", err)
		}
	}()
	defer recovered(&err, "subscriber")
	err = s.fn(s.ctx, *e)
}

// unfinished counts the events that wait, and the one that is being handled.
func (s *Subscription) unfinished() int {
	if s.busy.Load() {
		return s.queue.length() + 1
	}
	return s.queue.length()
}

// errGoroutineEnded is the failure of user code that calls [runtime.Goexit], as test helpers do.
var errGoroutineEnded = errors.New("the code ended its goroutine")

// recovered turns a panic of the user's code into an error that holds its stack.
func recovered(err *error, in string) {
	if value := recover(); value != nil {
		*err = fmt.Errorf("%s panicked: %v\n%s", in, value, debug.Stack())
	}
}
