package event

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk"
)

// fastFunc makes a function a [FastPublisher].
type fastFunc func(e DomainEvent) error

func (f fastFunc) Publish(e DomainEvent) error { return f(e) }

// fastList collects what is delivered fast.
func fastList(into *[]DomainEvent) FastPublisher {
	return fastFunc(func(e DomainEvent) error {
		*into = append(*into, e)
		return nil
	})
}

func TestEachModeReachesItsHalves(t *testing.T) {
	t.Parallel()
	var queue memoryQueue
	var fast []DomainEvent
	r := NewEventRouter(&queue, fastList(&fast), nil)
	errs := r.Route(t.Context(), []Delivery{
		{template.DeliverDurable, named("e.durable")}, {template.DeliverFast, named("e.fast")},
		{template.DeliverBroadcast, named("e.broadcast")}, {"", named("e.default")},
	})
	require.Equal(t, []error{nil, nil, nil, nil}, errs)
	require.Equal(t, []string{"e.fast", "e.broadcast"}, names(fast))
	require.Equal(t, []string{"e.durable", "e.broadcast", "e.default"}, queue.names("shop"))
	require.Equal(t, 1, queue.calls, "one statement for all of a namespace")
	require.Equal(t, RouterStats{TotalRouted: 4, DurableRouted: 2, FastRouted: 1, BroadcastRouted: 1}, r.Stats())
}

func TestBothHalvesOfABroadcastEventAreOneEvent(t *testing.T) {
	t.Parallel()
	var queue memoryQueue
	var fast []DomainEvent
	r := NewEventRouter(&queue, fastList(&fast), nil)
	e := named("e.both")
	require.Equal(t, []error{nil}, r.Route(t.Context(), []Delivery{{template.DeliverBroadcast, e}}))
	require.Equal(t, []DomainEvent{e}, fast)
	require.Equal(t, e, queue.only(t, "shop"))
}

func TestAFailingFastHalfDoesNotStopTheDurableHalf(t *testing.T) {
	t.Parallel()
	var queue memoryQueue
	var logs logbook
	errFast := errors.New("bus is gone")
	r := NewEventRouter(&queue, fastFunc(func(DomainEvent) error { return errFast }), logs.logger())
	errs := r.Route(t.Context(), []Delivery{{template.DeliverBroadcast, named("e.both")}, {template.DeliverFast, named("e.fast")}})
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], errFast)
	require.Equal(t, []string{"e.both"}, queue.names("shop"))
	require.Equal(t, RouterStats{TotalRouted: 2, FastRouted: 1, BroadcastRouted: 1, FastDeliveryErrors: 2}, r.Stats())
	require.Len(t, logs.lines("bus is gone"), 2)
}

func TestAFailingDurableHalfFailsTheEventButNotItsFastHalf(t *testing.T) {
	t.Parallel()
	errQueue := errors.New("no database")
	queue := memoryQueue{before: func(context.Context, string, []DomainEvent) error { return errQueue }}
	var fast []DomainEvent
	r := NewEventRouter(&queue, fastList(&fast), nil)
	errs := r.Route(t.Context(), []Delivery{{template.DeliverBroadcast, named("e.both")}, {template.DeliverFast, named("e.fast")}})
	require.ErrorIs(t, errs[0], errQueue)
	require.NoError(t, errs[1])
	require.Equal(t, []string{"e.both", "e.fast"}, names(fast))
	require.EqualValues(t, 1, r.Stats().RoutingErrors)
}

func TestOneBadEventOfABatchFailsAlone(t *testing.T) {
	t.Parallel()
	bad := named("e.bad")
	errBad := errors.New("not storable")
	queue := memoryQueue{before: func(context.Context, string, []DomainEvent) error {
		return &PartialPublishError{map[sdk.UUID]error{bad.EventID: errBad}}
	}}
	r := NewEventRouter(&queue, nil, nil)
	errs := r.Route(t.Context(), []Delivery{{template.DeliverDurable, named("e.good")}, {template.DeliverDurable, bad}})
	require.Equal(t, []error{nil, errBad}, errs)
	require.EqualValues(t, 1, r.Stats().RoutingErrors)
}

func TestNamespacesFailOnTheirOwn(t *testing.T) {
	t.Parallel()
	errQueue := errors.New("queue is locked")
	queue := memoryQueue{before: func(_ context.Context, namespace string, _ []DomainEvent) error {
		if namespace == "shop" {
			return errQueue
		}
		return nil
	}}
	elsewhere := named("e.elsewhere")
	elsewhere.Metadata.Namespace = "mail"
	r := NewEventRouter(&queue, nil, nil)
	errs := r.Route(t.Context(), []Delivery{{template.DeliverDurable, named("e.here")}, {template.DeliverDurable, elsewhere}})
	require.Equal(t, []error{errQueue, nil}, errs)
	require.Equal(t, []string{"e.elsewhere"}, queue.names("mail"))
}

func TestAnUnknownModeIsAnError(t *testing.T) {
	t.Parallel()
	var queue memoryQueue
	r := NewEventRouter(&queue, nil, nil)
	errs := r.Route(t.Context(), []Delivery{{"pigeon", named("e.lost")}})
	require.ErrorContains(t, errs[0], `no delivery mode is called "pigeon"`)
	require.Equal(t, RouterStats{TotalRouted: 1, RoutingErrors: 1}, r.Stats())
	require.Zero(t, queue.calls)
}
