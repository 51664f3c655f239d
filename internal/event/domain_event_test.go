package event

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

func parseUUID(t *testing.T, s string) sdk.UUID {
	t.Helper()
	id, err := sdk.ParseUUID(s)
	require.NoError(t, err)
	return id
}

func TestADomainEventHasUpstreamsShape(t *testing.T) {
	t.Parallel()
	e := succeeded(`{"paid":true}`)
	raw, err := json.Marshal(DomainEvent{
		EventID: parseUUID(t, "01890a5d-ac96-774b-bcce-b302099a8057"), EventName: "order.paid", EventVersion: EventVersion,
		Payload: EventPayload{
			TaskSequenceStep: json.RawMessage(`{"task":{}}`),
			ExecutionResult:  e.Result,
			Payload:          json.RawMessage(`{"paid":true}`),
		},
		Metadata: EventMetadata{
			TaskUUID: parseUUID(t, "01890a5d-ac96-774b-bcce-b302099a8001"), StepUUID: parseUUID(t, "01890a5d-ac96-774b-bcce-b302099a8002"),
			StepName: "charge", Namespace: "shop", CorrelationID: parseUUID(t, "01890a5d-ac96-774b-bcce-b302099a8003"),
			FiredAt: sdk.At(time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)), FiredBy: "worker-1",
		},
	})
	require.NoError(t, err)
	result, err := json.Marshal(e.Result)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"event_id": "01890a5d-ac96-774b-bcce-b302099a8057",
		"event_name": "order.paid",
		"event_version": "1.0",
		"payload": {"task_sequence_step": {"task": {}}, "execution_result": `+string(result)+`, "payload": {"paid": true}},
		"metadata": {
			"task_uuid": "01890a5d-ac96-774b-bcce-b302099a8001",
			"step_uuid": "01890a5d-ac96-774b-bcce-b302099a8002",
			"step_name": "charge",
			"namespace": "shop",
			"correlation_id": "01890a5d-ac96-774b-bcce-b302099a8003",
			"fired_at": "2026-01-02T03:04:05.006000Z",
			"fired_by": "worker-1"
		}
	}`, string(raw))
}

func TestAdditionalMetadataStandsBesideTheFieldsAndReplacesNone(t *testing.T) {
	t.Parallel()
	m := EventMetadata{
		TaskUUID: sdk.NewUUID(), StepName: "charge", Namespace: "shop", FiredAt: sdk.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		Additional: map[string]any{"tenant": "acme", "namespace": "forged", "Task_UUID": "forged"},
	}
	raw, err := json.Marshal(m)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "forged")
	var back EventMetadata
	require.NoError(t, json.Unmarshal(raw, &back))
	m.Additional = map[string]any{"tenant": "acme"}
	require.Equal(t, m, back)
}

func TestMetadataWithOnlyForgedAdditionsIsWrittenWithoutThem(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(EventMetadata{Namespace: "shop", Additional: map[string]any{"namespace": "forged"}})
	require.NoError(t, err)
	var back EventMetadata
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, "shop", back.Namespace)
	require.Nil(t, back.Additional)
}

func TestMetadataThatJSONCannotHoldIsAnError(t *testing.T) {
	t.Parallel()
	_, err := json.Marshal(EventMetadata{Additional: map[string]any{"callback": func() {}}})
	require.ErrorContains(t, err, "unsupported type")
}

func TestAStepWithoutASequenceStepIsNamedInItsShape(t *testing.T) {
	t.Parallel()
	e := succeeded(`{}`)
	var got struct {
		Task struct {
			Task struct {
				TaskUUID      sdk.UUID `json:"task_uuid"`
				CorrelationID sdk.UUID `json:"correlation_id"`
			} `json:"task"`
			TaskName      string `json:"task_name"`
			TaskVersion   string `json:"task_version"`
			NamespaceName string `json:"namespace_name"`
		} `json:"task"`
		WorkflowStep struct {
			WorkflowStepUUID sdk.UUID `json:"workflow_step_uuid"`
			TaskUUID         sdk.UUID `json:"task_uuid"`
			Name             string   `json:"name"`
		} `json:"workflow_step"`
	}
	require.NoError(t, json.Unmarshal(e.sequenceStep(), &got))
	require.Equal(t, e.TaskUUID, got.Task.Task.TaskUUID)
	require.Equal(t, e.CorrelationID, got.Task.Task.CorrelationID)
	require.Equal(t, []string{"order", "1.0.0", "shop"}, []string{got.Task.TaskName, got.Task.TaskVersion, got.Task.NamespaceName})
	require.Equal(t, e.StepUUID, got.WorkflowStep.WorkflowStepUUID)
	require.Equal(t, e.TaskUUID, got.WorkflowStep.TaskUUID)
	require.Equal(t, "charge", got.WorkflowStep.Name)

	e.TaskSequenceStep = json.RawMessage(`{"given":1}`)
	require.JSONEq(t, `{"given":1}`, string(e.sequenceStep()))
}
