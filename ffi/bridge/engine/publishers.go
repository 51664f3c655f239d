package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/sdk"
)

// forwards are the events that the host's publishers have been given, and that they have neither published nor declined.
type forwards struct {
	mu      sync.Mutex
	waiting map[sdk.UUID]waitingEvent
	order   []sdk.UUID // oldest first; some may have been answered
}

type waitingEvent struct {
	event.Delivery
	schema any
}

// forwardRoom bounds them. A host that takes more without answering loses the oldest.
const forwardRoom = 1000

func (f *forwards) add(d waitingEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting == nil {
		f.waiting = map[sdk.UUID]waitingEvent{}
	}
	f.waiting[d.Event.EventID] = d
	f.order = append(f.order, d.Event.EventID)
	for len(f.order) > forwardRoom {
		delete(f.waiting, f.order[0])
		f.order = f.order[1:]
	}
}

func (f *forwards) take(id sdk.UUID) (d waitingEvent, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, ok = f.waiting[id]
	delete(f.waiting, id)
	return d, ok
}

func (f *forwards) len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting)
}

// hostPublisher stands for a publisher of the host: its events go there, once the step's result is stored.
type hostPublisher struct {
	event.DefaultPublisher
	name string
	core *Core
}

var _ event.Forwarder = hostPublisher{}

// Name implements [event.Publisher].
func (p hostPublisher) Name() string { return p.name }

// forwardedDocument is a domain event that the host is to publish.
type forwardedDocument struct {
	eventDocument
	Publisher    string `json:"publisher"`
	DeliveryMode string `json:"delivery_mode"`
	Outcome      string `json:"outcome"`
}

// Forward implements [event.Forwarder].
func (p hostPublisher) Forward(_ context.Context, d event.Delivery, from event.PublishContext) error {
	if d.Mode == "" {
		d.Mode = "durable"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	document := forwardedDocument{eventDocument{bridge.SchemaVersion, d.Event}, p.name, string(d.Mode), from.Outcome.String()}
	if err := enc.Encode(document); err != nil {
		return err
	}
	p.core.forwards.add(waitingEvent{d, from.Declaration.Schema})
	p.core.setup.Events(bridge.DomainEvent{ID: d.Event.EventID, Document: bytes.TrimSpace(b.Bytes())})
	return nil
}

// registerPublishers has the events that name one of the host's publishers go there.
func (c *Core) registerPublishers() error {
	for _, name := range c.setup.Config.Publishers {
		if err := c.events.Publishers().Register(hostPublisher{name: name, core: c}); err != nil {
			return bridge.Errorf(bridge.EInvalid, "%s", err).With("key", "publishers")
		}
	}
	return nil
}

var errNotForwarded = bridge.Errorf(bridge.ENotFound, "no such event waits for a publisher of this host: it was answered, or given up").With("key", "forwarded")

// publishForwarded publishes an event as the host's publisher has shaped it.
func (c *Core) publishForwarded(ctx context.Context, id sdk.UUID, payload json.RawMessage, metadata map[string]any) (any, error) {
	d, ok := c.forwards.take(id)
	if !ok {
		return nil, errNotForwarded
	}
	d.Event.Payload.Payload, d.Event.Metadata.Additional, d.Event.Metadata.FiredAt = payload, metadata, sdk.At(time.Now())
	if err := event.CheckPayload(d.schema, payload); err != nil {
		return nil, bridge.Errorf(bridge.EInvalid, "%s: %s", d.Event.EventName, err).With("key", "payload")
	}
	if err := c.router.Route(ctx, []event.Delivery{d.Delivery})[0]; err != nil {
		return nil, databaseError(err)
	}
	return map[string]any{"event_id": id}, nil
}

// declineEvent ends an event that the host's publisher does not publish.
func (c *Core) declineEvent(_ context.Context, params []byte) (any, error) {
	var p struct {
		Forwarded sdk.UUID `json:"forwarded"`
	}
	if err := strictly(params, &p); err != nil {
		return nil, err
	}
	if _, ok := c.forwards.take(p.Forwarded); !ok {
		return nil, errNotForwarded
	}
	return map[string]any{}, nil
}

// flushEvents waits until the events of all steps that were completed are on their way: a host calls it before it stops the
// worker, and publishes meanwhile.
func (c *Core) flushEvents(ctx context.Context, _ []byte) (any, error) {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for quiet := 0; quiet < 2; { // a step is counted out a moment before its events are counted in
		select {
		case <-look.C:
		case <-c.ended.Done():
			return nil, bridge.Errorf(bridge.EState, "the worker has stopped")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if quiet++; c.InFlight() > 0 || c.events.Pending() > 0 || c.forwards.len() > 0 {
			quiet = 0
		}
	}
	return map[string]any{}, nil
}
