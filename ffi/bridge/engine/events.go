package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/sdk"
)

// eventDocument is a domain event as hosts get it.
type eventDocument struct {
	SchemaVersion int `json:"schema_version"`
	event.DomainEvent
}

// deliverEvent gives the host an event as a frame.
func (c *Core) deliverEvent(_ context.Context, e event.DomainEvent) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(eventDocument{bridge.SchemaVersion, e}); err != nil {
		return err
	}
	c.setup.Events(bridge.DomainEvent{ID: e.EventID, Document: bytes.TrimSpace(b.Bytes())})
	return nil
}

// pollEvents returns events of this process that came since the last time, for hosts that do not take them as frames. The
// first poll begins to collect them.
func (c *Core) pollEvents(_ context.Context, params []byte) (any, error) {
	var p struct{ Max int }
	if err := strictly(params, &p); err != nil {
		return nil, err
	}
	if p.Max < 0 || p.Max > 100 {
		return nil, bridge.Errorf(bridge.EInvalid, "max is from 1 to 100").With("key", "max")
	}
	poller, err := c.eventPoller()
	if err != nil {
		return nil, bridge.Errorf(bridge.EState, "%s", err)
	}
	if p.Max == 0 {
		p.Max = 10
	}
	documents := []eventDocument{}
	for _, e := range poller.Poll(p.Max) {
		documents = append(documents, eventDocument{bridge.SchemaVersion, e})
	}
	return map[string]any{"events": documents, "dropped_total": poller.Dropped()}, nil
}

func (c *Core) eventPoller() (*event.Poller, error) {
	c.polling.Lock()
	defer c.polling.Unlock()
	if c.poller == nil {
		p, err := c.events.Bus().NewPoller()
		if err != nil {
			return nil, err
		}
		c.poller = p
	}
	return c.poller, nil
}

// publishEvent publishes an event of the host's own.
func (c *Core) publishEvent(ctx context.Context, params []byte) (any, error) {
	var p struct {
		EventName     string          `json:"event_name"`
		Namespace     string          `json:"namespace"`
		DeliveryMode  string          `json:"delivery_mode"`
		Payload       json.RawMessage `json:"payload"`
		TaskUUID      sdk.UUID        `json:"task_uuid"`
		StepUUID      sdk.UUID        `json:"step_uuid"`
		StepName      string          `json:"step_name"`
		CorrelationID sdk.UUID        `json:"correlation_id"`
		Metadata      map[string]any  `json:"metadata"`
		Forwarded     sdk.UUID        `json:"forwarded"`
	}
	if err := strictly(params, &p); err != nil {
		return nil, err
	}
	if p.Forwarded != (sdk.UUID{}) {
		return c.publishForwarded(ctx, p.Forwarded, orEmpty(p.Payload), p.Metadata)
	}
	switch {
	case p.EventName == "":
		return nil, bridge.Errorf(bridge.EInvalid, "event_name is required").With("key", "event_name")
	case p.Namespace == "":
		return nil, bridge.Errorf(bridge.EInvalid, "namespace is required").With("key", "namespace")
	}
	p.Payload = orEmpty(p.Payload)
	e := event.DomainEvent{
		EventID: sdk.NewUUID(), EventName: p.EventName, EventVersion: event.EventVersion,
		Payload: event.EventPayload{TaskSequenceStep: json.RawMessage("null"), Payload: p.Payload},
		Metadata: event.EventMetadata{
			TaskUUID: p.TaskUUID, StepUUID: p.StepUUID, StepName: p.StepName, Namespace: p.Namespace, CorrelationID: p.CorrelationID,
			FiredAt: sdk.At(time.Now()), FiredBy: "host", Additional: p.Metadata,
		},
	}
	d := event.Delivery{Event: e}
	switch p.DeliveryMode {
	case "", "durable":
	case "fast":
		d.Mode = "fast"
	case "broadcast":
		d.Mode = "broadcast"
	default:
		return nil, bridge.Errorf(bridge.EInvalid, "delivery_mode is durable, fast or broadcast").With("key", "delivery_mode")
	}
	if err := c.router.Route(ctx, []event.Delivery{d})[0]; err != nil {
		return nil, databaseError(err)
	}
	return map[string]any{"event_id": e.EventID}, nil
}

// orEmpty is the payload of an event that has none.
func orEmpty(payload json.RawMessage) json.RawMessage {
	if payload == nil {
		return json.RawMessage("{}")
	}
	return payload
}
