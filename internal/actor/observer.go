package actor

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Observer hears of each message after it was handled: the hook for logs, metrics and traces. It runs on the caller's
// goroutine and on the hot path, from many goroutines at once, so it must be quick and must not panic.
type Observer interface {
	// Asked reports one message by its type name, as in "FinalizeTaskMessage", how long its handler took and the error
	// it returned. A tracer finds the beginning of the span by counting took back from now.
	Asked(ctx context.Context, message string, took time.Duration, err error)
}

// The observers belong to the process and not to a context: a context value costs a walk up its chain on every message,
// while an atomic load costs about a nanosecond and tells at once that nobody watches. What an observer needs to know
// of the call, such as which of two systems in one test process it belongs to, it reads from the ctx that it is given.
//
// The list is nil when nobody watches, and is replaced rather than changed. An element's address is its identity, so
// that an Observer may be added twice and need not be comparable.
var (
	observers   atomic.Pointer[[]*Observer]
	observersMu sync.Mutex // serialises Observe and what it returns; Ask never takes it
)

// Observe tells o of every message that [Ask] hands on, until the returned function is called. A message that is being
// handled while observers change may go unreported, or reach o once more. Calling the returned function again does
// nothing.
func Observe(o Observer) (remove func()) {
	added := &o
	changeObservers(func(list []*Observer) []*Observer { return append(list, added) })
	return func() {
		changeObservers(func(list []*Observer) []*Observer {
			return slices.DeleteFunc(list, func(other *Observer) bool { return other == added })
		})
	}
}

func changeObservers(change func([]*Observer) []*Observer) {
	observersMu.Lock()
	defer observersMu.Unlock()
	var list []*Observer
	if current := observers.Load(); current != nil {
		list = slices.Clone(*current)
	}
	if list = change(list); len(list) == 0 {
		observers.Store(nil)
		return
	}
	observers.Store(&list)
}
