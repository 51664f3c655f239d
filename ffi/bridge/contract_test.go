package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// fixture is a file of include/contract.
type fixture struct {
	Document      string `json:"document"`
	SchemaVersion int    `json:"schema_version"`
	Accept        []accepted
	Refuse        []refused
	Codes         map[string]int32
	StaleReasons  []string `json:"stale_reasons"`
}

type accepted struct {
	Name     string
	SameAs   string `json:"same_as"`
	Document json.RawMessage
}

type refused struct {
	Name     string
	Document json.RawMessage
	Text     *string
	Code     string
	Key      *string
}

func (r refused) bytes() []byte {
	if r.Text != nil {
		return []byte(*r.Text)
	}
	return r.Document
}

func contract(t *testing.T, name string) fixture {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../include/contract", name+".json"))
	require.NoError(t, err)
	var f fixture
	require.NoError(t, json.Unmarshal(raw, &f))
	require.Equal(t, name, f.Document)
	require.Equal(t, SchemaVersion, f.SchemaVersion)
	return f
}

var contractStep = uuid("0198c0de-0000-7000-8000-000000000002")

func uuid(s string) sdk.UUID {
	id, err := sdk.ParseUUID(s)
	if err != nil {
		panic(err)
	}
	return id
}

// requireRefused holds an error against what the fixture says of it.
func requireRefused(t *testing.T, want refused, err error) {
	t.Helper()
	require.Error(t, err, want.Name)
	e := toError(err)
	require.Equal(t, want.Code, e.Name, "%s: %s", want.Name, e.Message)
	if want.Key != nil {
		require.Equal(t, *want.Key, e.Details["key"], "%s: %s", want.Name, e.Message)
	}
	require.False(t, e.Retryable)
}

func TestStepResultsAreDecodedByTheContract(t *testing.T) {
	t.Parallel()
	f := contract(t, "step_result")
	results := map[string]*sdk.StepExecutionResult{}
	for _, a := range f.Accept {
		r, err := decodeResult(a.Document, contractStep, payload.Limits{})
		require.NoError(t, err, a.Name)
		require.Equal(t, contractStep, r.StepUUID)
		results[a.Name] = r
		if a.SameAs != "" {
			require.Equal(t, results[a.SameAs], r, a.Name)
		}
	}
	for _, r := range f.Refuse {
		_, err := decodeResult(r.bytes(), contractStep, payload.Limits{})
		requireRefused(t, r, err)
	}

	full := results["success with everything"]
	require.Contains(t, string(full.Result), `"big": 9007199254740993`, "JSON goes through untouched")
	require.Contains(t, string(full.Result), `2.50`)
	require.EqualValues(t, 12, full.Metadata.ExecutionTimeMS)
	require.Equal(t, json.Number("3"), full.Metadata.Custom["rows"])
	require.Equal(t, time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC), full.Metadata.CompletedAt.Time)
	require.Equal(t, "1", full.OrchestrationMetadata.Headers["x-trace"])

	retry := results["a retryable failure"]
	require.True(t, retry.Metadata.Retryable)
	require.Equal(t, sdk.BackoffHint{BackoffType: "ServerRequested", DelaySeconds: 30, Context: "Retry-After"}, *retry.OrchestrationMetadata.BackoffHint)
	require.Equal(t, 503, retry.Error.StatusCode)
	require.Equal(t, []string{"a.py:1", "b.py:2"}, retry.Error.Backtrace)
	require.Equal(t, "permanent_error", results["a permanent failure"].Metadata.ErrorType)
}

func TestOutcomesAreDecodedByTheContract(t *testing.T) {
	t.Parallel()
	f := contract(t, "outcomes")
	result := func(outcome []byte) []byte { return []byte(`{"success":true,"result":` + string(outcome) + `}`) }
	for _, a := range f.Accept {
		_, err := decodeResult(result(a.Document), contractStep, payload.Limits{})
		require.NoError(t, err, a.Name)
	}
	for _, r := range f.Refuse {
		_, err := decodeResult(result(r.Document), contractStep, payload.Limits{})
		requireRefused(t, r, err)
	}
}

func TestCheckpointsAreDecodedByTheContract(t *testing.T) {
	t.Parallel()
	f := contract(t, "checkpoint")
	for _, a := range f.Accept {
		_, err := decodeCheckpoint(a.Document, contractStep, payload.Limits{})
		require.NoError(t, err, a.Name)
	}
	for _, r := range f.Refuse {
		_, err := decodeCheckpoint(r.bytes(), contractStep, payload.Limits{})
		requireRefused(t, r, err)
	}
	c, err := decodeCheckpoint(f.Accept[1].Document, contractStep, payload.Limits{})
	require.NoError(t, err)
	require.EqualValues(t, 9007199254740993, c.ItemsProcessed)
	require.JSONEq(t, `{"page":"abc","offset":3}`, string(c.Cursor))
	require.JSONEq(t, `{"total":[1,{"a":2}]}`, string(c.AccumulatedResults))
}

func TestStepEventsAreEncodedByTheContract(t *testing.T) {
	t.Parallel()
	var want map[string]any
	for _, a := range contract(t, "step_event").Accept {
		if a.Name == "a step with two ancestors" {
			require.NoError(t, json.Unmarshal(a.Document, &want))
		}
	}
	sequence := want["task_sequence_step"].(map[string]any)
	definition, err := json.Marshal(sequence["step_definition"])
	require.NoError(t, err)
	task := uuid("0198c0de-0000-7000-8000-000000000001")
	input := `{"even_number": 6, "big": 9007199254740993, "name": "naïve <&>"}`
	e := &dispatch.FfiStepEvent{
		EventID: uuid("0198c0de-0000-7000-8000-0000000000e1"), Timeout: 30 * time.Second,
		Message: &dispatch.DispatchHandlerMessage{Step: sdk.NewStepContext(sdk.StepData{
			TaskUUID: task, StepNo: 2, CorrelationID: uuid("0198c0de-0000-7000-8000-0000000000c1"),
			Namespace: "linear_workflow", TaskName: "mathematical_sequence", TaskVersion: "1.0.0",
			StepName: "linear_step_3", TemplateStepName: "linear_step_3", Attempt: 2, MaxAttempts: 3,
			LoadInput: func(context.Context) (json.RawMessage, error) { return json.RawMessage(input), nil },
			LoadResults: func(_ context.Context, names []string) (map[string]json.RawMessage, error) {
				require.Equal(t, []string{"linear_step_1", "linear_step_2"}, names)
				return map[string]json.RawMessage{"linear_step_1": json.RawMessage(`{"value":36}`), "linear_step_2": json.RawMessage(`{"value":46}`)}, nil
			},
		})},
	}
	source := EventSource{Details: func(context.Context, *dispatch.DispatchHandlerMessage) (StepDetails, error) {
		return StepDetails{Definition: definition, Retryable: true, Ancestors: []Ancestor{{"linear_step_1", 0}, {"linear_step_2", 1}}}, nil
	}}
	raw, err := source.StepEvent(t.Context(), e)
	require.NoError(t, err)
	require.NoError(t, payload.Check(raw, payload.Limits{}))
	require.Contains(t, string(raw), input, "the context goes through untouched")
	var got map[string]any
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Equal(t, want, got)
}

func TestErrorDocumentsAreEncodedByTheContract(t *testing.T) {
	t.Parallel()
	f := contract(t, "error")
	for _, a := range f.Accept {
		var e Error
		d := json.NewDecoder(bytes.NewReader(a.Document))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&e), a.Name)
		require.Equal(t, e.Code.String(), e.Name, a.Name)
		require.Equal(t, e.Code.retryable(), e.Retryable, a.Name)
		require.JSONEq(t, string(a.Document), string(e.Document()), a.Name)
	}
	codes := map[string]int32{}
	for code, name := range codeNames {
		codes[name] = int32(code)
	}
	require.Equal(t, f.Codes, codes)
	for _, end := range []dispatch.FfiEnd{dispatch.FfiCompleted, dispatch.FfiReleased, dispatch.FfiCheckpointed, dispatch.FfiTimedOut,
		dispatch.FfiCancelled, dispatch.FfiLeaseLost, dispatch.FfiShutdown} {
		require.Contains(t, f.StaleReasons, string(end))
		require.Equal(t, end, toError(&dispatch.FfiStaleError{End: end}).Details["reason"])
	}
}

func TestCodesAndFramesAreThoseOfTheHeader(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../include/tasker.h")
	require.NoError(t, err)
	values := map[string]int{}
	for _, m := range regexp.MustCompile(`TASKER_([A-Z_]+) = (-?\d+)`).FindAllStringSubmatch(string(raw), -1) {
		values[m[1]], err = strconv.Atoi(m[2])
		require.NoError(t, err)
	}
	for code, name := range codeNames {
		require.Equal(t, int(code), values[name], name)
	}
	for name, frame := range map[string]FrameType{
		"FRAME_STEP": FrameStep, "FRAME_CANCEL": FrameCancel, "FRAME_RESPONSE": FrameResponse, "FRAME_DOMAIN_EVENT": FrameDomainEvent,
		"FRAME_SHUTDOWN": FrameShutdown, "FRAME_LOG": FrameLog, "FRAME_DROPPED": FrameDropped,
	} {
		require.Equal(t, int(frame), values[name], name)
	}
	require.Equal(t, FramesHeaderSize, values["FRAMES_HEADER_SIZE"])
	require.Equal(t, FrameHeaderSize, values["FRAME_HEADER_SIZE"])
	for name, level := range map[string]LogLevel{"LOG_ERROR": LogError, "LOG_WARN": LogWarn, "LOG_INFO": LogInfo, "LOG_DEBUG": LogDebug, "LOG_TRACE": LogTrace} {
		require.Equal(t, int(level), values[name], name)
	}
}
