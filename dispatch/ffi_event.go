package dispatch

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// FfiStepEvent is one delivery of a claimed step to a host. The host ends it once, by [FfiDispatchChannel.Complete],
// [FfiDispatchChannel.Release] or [FfiDispatchChannel.Checkpoint]; the core may end it before that.
type FfiStepEvent struct {
	// EventID names the delivery: a step that comes again has another.
	EventID sdk.UUID
	Message *DispatchHandlerMessage
	// Timeout bounds the delivery from the poll that hands it out.
	Timeout time.Duration
	// Checkpoint is what the step saved last, also in an earlier delivery of the same attempt, or nil.
	Checkpoint json.RawMessage
	// Tag is the consumer's own, to be set by OnHeld.
	Tag uint64

	// These are the loader's until the event is published.
	payload []byte
	failure error

	// The channel's mutex guards the rest.
	next, prev *FfiStepEvent // in the channel's list
	state      ffiState
	warned     bool
	end        FfiEnd
	cause      error         // why the host was told to stop, while it may still complete the step
	since      time.Time     // it was polled, or waits to be
	due        time.Duration // from then on, if it is held or quarantined
	details    json.RawMessage
	ending     Completion // what most deliveries end with
}

// deadline is when the time of a held or quarantined event is up.
func (e *FfiStepEvent) deadline() time.Time { return e.since.Add(e.due) }

type ffiState uint8

const (
	ffiLoading       ffiState = iota // its payload is being made
	ffiWaiting                       // to be polled
	ffiHeld                          // by the host
	ffiCheckpointing                 // held, while its checkpoint is stored
	ffiQuarantined                   // ended by the core; the host has not given it back, so its slot is taken
	ffiGone                          // ended, and its slot's first part given
)

// FfiEnd tells how a delivery ended.
type FfiEnd string

// The ends of a delivery: the first three are the host's doing.
const (
	FfiCompleted    FfiEnd = "completed"
	FfiReleased     FfiEnd = "released"
	FfiCheckpointed FfiEnd = "checkpointed"
	FfiTimedOut     FfiEnd = "timeout"
	FfiCancelled    FfiEnd = "cancelled"
	FfiLeaseLost    FfiEnd = "lease_lost"
	FfiShutdown     FfiEnd = "shutdown"
	FfiReturned     FfiEnd = "returned" // never polled, so given back
)

// FfiStaleError says that a delivery is over: what the host asked for changes nothing.
type FfiStaleError struct{ End FfiEnd }

func (e *FfiStaleError) Error() string {
	switch e.End {
	case FfiCompleted, FfiReleased, FfiCheckpointed:
		return fmt.Sprintf("the step was %s already", e.End)
	case FfiTimedOut:
		return "the step's time was up; it is run again if its template allows"
	case FfiCancelled:
		return "the step was cancelled"
	case FfiLeaseLost:
		return "the step belongs to another worker by now, since this one lost its lease"
	}
	return "the worker has stopped"
}

// FfiCancelledError tells a host to stop working on a step.
type FfiCancelledError struct{ End FfiEnd }

func (e *FfiCancelledError) Error() string {
	return "stop working on the step: " + (&FfiStaleError{End: e.End}).Error()
}

var (
	// ErrFfiBusy: there is no room for the result; the event is still the host's.
	ErrFfiBusy = errors.New("no room for the result at the moment: keep it and try again")
	// ErrFfiNoCheckpoints: this worker stores no checkpoints.
	ErrFfiNoCheckpoints = errors.New("this worker stores no checkpoints")
)

// FfiDelivery is what a host is given by a poll.
type FfiDelivery struct {
	Event *FfiStepEvent
	// Payload is the document made by the [FfiEventSource].
	Payload []byte
	// Cancelled tells that work on the event shall stop, and why; empty: it shall begin.
	Cancelled FfiEnd
}

func endOf(cause error) FfiEnd {
	switch {
	case errors.Is(cause, ErrShutdown):
		return FfiShutdown
	case errors.Is(cause, ErrLeaseLost):
		return FfiLeaseLost
	}
	return FfiCancelled
}

// newEventID makes a version 7 UUID, whose time goes on below the millisecond. They are made for each delivery, and need
// not be hard to guess.
func newEventID(now time.Time) (id sdk.UUID) {
	ms, below := uint64(now.UnixMilli()), uint64(now.Nanosecond())%1e6<<12/1e6
	binary.BigEndian.PutUint64(id[:8], ms<<16|7<<12|below)
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()>>2|2<<62)
	return id
}

// eventList holds events in no order. Its zero value is not ready: root must point to itself.
type eventList struct{ root FfiStepEvent }

func (l *eventList) add(e *FfiStepEvent) {
	e.prev, e.next = &l.root, l.root.next
	e.prev.next, e.next.prev = e, e
}

func (l *eventList) remove(e *FfiStepEvent) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.next, e.prev = nil, nil
}

// all yields the events; the one at hand may be removed.
func (l *eventList) all(yield func(*FfiStepEvent) bool) {
	for e := l.root.next; e != &l.root; {
		next := e.next
		if !yield(e) {
			return
		}
		e = next
	}
}
