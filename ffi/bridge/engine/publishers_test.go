package engine

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

// forwarded is an event as a host's publisher gets it.
type forwarded struct {
	EventID      string `json:"event_id"`
	EventName    string `json:"event_name"`
	Publisher    string `json:"publisher"`
	DeliveryMode string `json:"delivery_mode"`
	Outcome      string `json:"outcome"`
	Payload      struct {
		ExecutionResult struct{ Result map[string]any } `json:"execution_result"`
		Payload         map[string]any                  `json:"payload"`
	}
	Metadata map[string]any `json:"metadata"`
}

// pay runs a step that ends so, and returns the event that the host is to publish.
func (h *host) pay(w uint64, n int, result string) (f forwarded) {
	h.t.Helper()
	h.create(w, "shop", "publishing", map[string]any{"n": n})
	token, _ := h.step(w)
	h.ok(h.Complete(w, token, []byte(result), false))
	require.NoError(h.t, json.Unmarshal(h.next(w, bridge.FrameDomainEvent).Payload, &f))
	return f
}

const paid = `{"success":true,"result":{"payment_id":"p-1","card":"4242"}}`

// TestAHostsPublisherShapesTheEventsThatNameIt is trap 17.
func TestAHostsPublisherShapesTheEventsThatNameIt(t *testing.T) {
	t.Parallel()
	h := newHost(t, "published.yaml")
	w := h.worker(map[string]any{"publishers": []string{"PaymentPublisher"}}, nil, "shop.pay")
	h.call(w, "events.poll", map[string]any{})

	f := h.pay(w, 1, paid)
	require.Equal(t, []string{"payment.processed", "PaymentPublisher", "fast", "success"}, []string{f.EventName, f.Publisher, f.DeliveryMode, f.Outcome})
	require.Equal(t, "4242", f.Payload.ExecutionResult.Result["card"])
	shaped := map[string]any{"forwarded": f.EventID, "payload": map[string]any{"payment_id": "p-1"}, "metadata": map[string]any{"tenant": "acme"}}
	require.Equal(t, f.EventID, h.call(w, "events.publish", shaped)["event_id"])
	events := h.call(w, "events.poll", map[string]any{})["events"].([]any)
	require.Len(t, events, 1)
	event := events[0].(map[string]any)
	require.Equal(t, f.EventID, event["event_id"])
	require.Equal(t, map[string]any{"payment_id": "p-1"}, event["payload"].(map[string]any)["payload"])
	require.Equal(t, "pay", event["metadata"].(map[string]any)["step_name"])
	require.Equal(t, "acme", event["metadata"].(map[string]any)["tenant"])
	h.fails(bridge.ENotFound, h.try(w, "events.publish", shaped))

	f = h.pay(w, 2, `{"success":false,"error":{"message":"declined","retryable":false}}`)
	require.Equal(t, []string{"payment.failed", "durable", "permanent_failure"}, []string{f.EventName, f.DeliveryMode, f.Outcome})
	h.call(w, "events.decline", map[string]any{"forwarded": f.EventID})
	h.fails(bridge.ENotFound, h.try(w, "events.decline", map[string]any{"forwarded": f.EventID}))
	h.call(w, "events.flush", nil) // an event is counted a moment after the host has it
	stats := h.call(w, "metrics.worker", nil)["domain_events"].(map[string]any)["system"].(map[string]any)
	require.EqualValues(t, 2, stats["forwarded"])
	require.EqualValues(t, 0, stats["skipped"])
}

func TestWhatAPublisherShapesMeetsTheEventsSchema(t *testing.T) {
	t.Parallel()
	h := newHost(t, "published.yaml")
	w := h.worker(map[string]any{"publishers": []string{"PaymentPublisher"}}, nil, "shop.pay")
	f := h.pay(w, 1, paid)
	e := h.fails(bridge.EInvalid, h.try(w, "events.publish", map[string]any{"forwarded": f.EventID, "payload": map[string]any{"payment_id": 1}}))
	require.Equal(t, "payload", e.Details["key"])
	require.Contains(t, e.Message, "payment.processed: the payload does not meet the event's schema: /payment_id: type")
}

func TestAFlushWaitsForTheHostsPublishers(t *testing.T) {
	t.Parallel()
	h := newHost(t, "published.yaml")
	w := h.worker(map[string]any{"publishers": []string{"PaymentPublisher"}}, nil, "shop.pay")
	h.call(w, "events.flush", nil)
	f := h.pay(w, 1, paid)
	require.Equal(t, bridge.EDeadline, h.Call(w, "events.flush", nil, 50).Code)
	h.call(w, "events.decline", map[string]any{"forwarded": f.EventID})
	h.call(w, "events.flush", nil)
}

func TestAPublisherIsNamedOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	_, r := h.WorkerNew(h.config(map[string]any{"publishers": []string{"A", "A"}}, nil), nil, patienceMS)
	require.Equal(t, "publishers", h.fails(bridge.EInvalid, r).Details["key"])
}
