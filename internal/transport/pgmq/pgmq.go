// Package pgmq is the transport by message queues of pgmq: the bodies of messages, and the news that there are some. The
// queues stand in the database beside the rows that their messages tell of, so that both change in one transaction; the
// statements that do so are the store's. A message is news that lasts: who reads it goes by the row.
package pgmq

import (
	"encoding/json"
	"fmt"

	"github.com/tasker-systems/tasker-go/sdk"
)

// ChannelReady is where every message is announced; [ChannelOf] one namespace's.
const ChannelReady = "pgmq_message_ready"

// OrchestrationNamespace is what the queues of servers count as.
const OrchestrationNamespace = "orchestration"

// ChannelOf is the channel of the messages of a namespace's queue.
func ChannelOf(namespace string) string { return ChannelReady + "." + namespace }

// The kinds of events.
const (
	EventMessageWithPayload = "message_with_payload"
	EventMessageReady       = "message_ready"
	EventBatchReady         = "batch_ready"
)

// MessageReadyEvent is what a notification says of messages that were sent.
type MessageReadyEvent struct {
	EventType string `json:"event_type"`
	QueueName string `json:"queue_name"`
	Namespace string `json:"namespace"`
	// MsgID names the message, unless it is a batch.
	MsgID int64 `json:"msg_id"`
	// MsgIDs are those of a batch; none if they are too many to be said.
	MsgIDs []int64 `json:"msg_ids"`
}

// Single says whether the event is about one message.
func (e *MessageReadyEvent) Single() bool {
	return e.MsgID != 0 && (e.EventType == EventMessageWithPayload || e.EventType == EventMessageReady)
}

// ParseEvent reads a notification.
func ParseEvent(payload string) (e MessageReadyEvent, err error) {
	if err := json.Unmarshal([]byte(payload), &e); err != nil {
		return e, fmt.Errorf("notification of a queue: %w", err)
	}
	return e, nil
}

// TaskRequestMessage asks for a task.
type TaskRequestMessage struct {
	// RequestID is the same in every message that asks for the same thing; empty, the message stands for itself.
	RequestID   string          `json:"request_id"`
	TaskRequest sdk.TaskRequest `json:"task_request"`
	Metadata    RequestMetadata `json:"metadata"`
}

// RequestMetadata tells where a request comes from. It decides nothing.
type RequestMetadata struct {
	RequestedAt *sdk.Timestamp             `json:"requested_at,omitempty"`
	Requester   string                     `json:"requester,omitempty"`
	Priority    string                     `json:"priority,omitempty"`
	Custom      map[string]json.RawMessage `json:"custom,omitempty"`
}
