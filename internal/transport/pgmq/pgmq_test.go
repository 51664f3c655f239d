package pgmq_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/transport/pgmq"
)

func TestEventsAreReadAsTheyAreNotified(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		payload string
		single  bool
		want    pgmq.MessageReadyEvent
	}{
		"a message in full": {
			`{"event_type": "message_with_payload", "msg_id": 7, "queue_name": "worker_n_queue", "namespace": "n", "ready_at": "2026-11-22T01:02:03Z", "delay_seconds": 0,
				"message": "anything"}`, true,
			pgmq.MessageReadyEvent{
				EventType: pgmq.EventMessageWithPayload, MsgID: 7, QueueName: "worker_n_queue", Namespace: "n",
			},
		},
		"a message too long to say": {
			`{"event_type": "message_ready", "msg_id": 7, "queue_name": "q", "namespace": "default", "ready_at": "x", "delay_seconds": 0, "payload_omitted": true}`, true,
			pgmq.MessageReadyEvent{EventType: pgmq.EventMessageReady, MsgID: 7, QueueName: "q", Namespace: "default"},
		},
		"a batch": {
			`{"event_type": "batch_ready", "queue_name": "q", "namespace": "default", "msg_ids": [1, 2], "message_count": 2, "ready_at": "x", "delay_seconds": 0}`, false,
			pgmq.MessageReadyEvent{EventType: pgmq.EventBatchReady, MsgIDs: []int64{1, 2}, QueueName: "q", Namespace: "default"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pgmq.ParseEvent(tt.payload)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.single, got.Single())
		})
	}
	_, err := pgmq.ParseEvent("no JSON")
	require.ErrorContains(t, err, "notification of a queue")
	require.Equal(t, "pgmq_message_ready.orders", pgmq.ChannelOf("orders"))
}

func TestARequestHasItsWireForm(t *testing.T) {
	t.Parallel()
	var r pgmq.TaskRequestMessage
	require.NoError(t, json.Unmarshal([]byte(`{"request_id": "r", "task_request": {"name": "t", "namespace": "n", "version": "1.0.0", "context": {"a": 1},
		"initiator": "i", "source_system": "s", "reason": "why"}, "metadata": {"requested_at": "2026-11-22T01:02:03.5", "requester": "me", "priority": "Urgent", "custom": {"k": 1}}}`), &r))
	require.Equal(t, "r", r.RequestID)
	require.Equal(t, "why", r.TaskRequest.Reason)
	require.JSONEq(t, `{"a": 1}`, string(r.TaskRequest.Context))
	require.Equal(t, "Urgent", r.Metadata.Priority)
	require.Equal(t, 500_000_000, r.Metadata.RequestedAt.Nanosecond())
}
