package bridge

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/sdk"
)

// StepDetails are what a step event tells beyond the step's message.
type StepDetails struct {
	// Definition is the step's definition in its template, as JSON.
	Definition json.RawMessage
	// Retryable is what the template says of further attempts.
	Retryable bool
	// Ancestors are the steps before this one, directly or through others.
	Ancestors []Ancestor
}

// Ancestor is a step before another one of the same task.
type Ancestor struct {
	Name string
	No   int32
}

// EventSource makes step events. Details looks up what the template says.
type EventSource struct {
	Details func(context.Context, *dispatch.DispatchHandlerMessage) (StepDetails, error)
}

var _ dispatch.FfiEventSource = EventSource{}

// StepEvent loads the task's context and the results of all steps before this one, and encodes the event. JSON that was
// stored goes through untouched.
func (s EventSource) StepEvent(ctx context.Context, e *dispatch.FfiStepEvent) ([]byte, error) {
	step := e.Message.Step
	details, err := s.Details(ctx, e.Message)
	if err != nil {
		return nil, fmt.Errorf("look up the definition of step %s: %w", step.StepName(), err)
	}
	input, err := step.RawInput(ctx)
	if err != nil {
		return nil, err
	}
	results, err := ancestorResults(ctx, step, details.Ancestors)
	if err != nil {
		return nil, err
	}
	return encodeStepEvent(e, details, input, results), nil
}

func ancestorResults(ctx context.Context, step *sdk.StepContext, ancestors []Ancestor) (map[string]json.RawMessage, error) {
	if len(ancestors) == 0 {
		return nil, nil
	}
	names := make([]string, len(ancestors))
	for i, a := range ancestors {
		names[i] = a.Name
	}
	return step.DependencyResults(ctx, names...)
}

func encodeStepEvent(e *dispatch.FfiStepEvent, d StepDetails, input json.RawMessage, results map[string]json.RawMessage) []byte {
	step := e.Message.Step
	size := 2048 + len(input) + len(d.Definition) + len(step.StepInputs()) + len(e.Checkpoint)
	for _, r := range results {
		size += len(r) + 160
	}
	o := object{b: make([]byte, 0, size)}
	correlation := step.CorrelationID()
	o.open("")
	o.number("schema_version", SchemaVersion)
	o.uuid("event_id", e.EventID)
	o.uuid("task_uuid", step.TaskUUID())
	o.uuid("step_uuid", step.StepUUID())
	o.uuid("correlation_id", correlation)
	o.uuid("task_correlation_id", correlation)
	o.uuid("parent_correlation_id", step.ParentCorrelationID())
	o.text("trace_id", hex.EncodeToString(correlation[:]))
	o.text("span_id", hex.EncodeToString(e.EventID[8:]))
	o.number("timeout_ms", e.Timeout.Milliseconds())
	o.open("task_sequence_step")

	o.open("task")
	o.open("task")
	o.uuid("task_uuid", step.TaskUUID())
	o.uuid("correlation_id", correlation)
	o.uuid("parent_correlation_id", step.ParentCorrelationID())
	o.raw("context", input)
	o.close()
	o.text("task_name", step.TaskName())
	o.text("task_version", step.TaskVersion())
	o.text("namespace_name", step.Namespace())
	o.close()

	o.open("workflow_step")
	o.uuid("workflow_step_uuid", step.StepUUID())
	o.uuid("task_uuid", step.TaskUUID())
	o.text("name", step.StepName())
	o.text("template_step_name", step.TemplateStepName())
	o.bool("retryable", d.Retryable)
	o.number("max_attempts", int64(step.MaxAttempts()))
	o.number("attempts", int64(step.RetryCount()))
	o.bool("in_process", true)
	o.bool("processed", false)
	o.raw("inputs", step.StepInputs())
	o.raw("checkpoint", e.Checkpoint)
	o.close()

	o.open("dependency_results")
	for _, a := range d.Ancestors { // in the order of the template
		if result, ok := results[a.Name]; ok {
			o.dependency(a.Name, sdk.StepUUID(step.TaskUUID(), a.No), result)
			delete(results, a.Name)
		}
	}
	for _, batch := range slices.Sorted(maps.Keys(results)) {
		id, _ := step.DependencyUUID(batch)
		o.dependency(batch, id, results[batch])
	}
	o.close()
	o.raw("step_definition", d.Definition)
	o.close()
	o.close()
	return o.b
}

func (o *object) dependency(name string, id sdk.UUID, result json.RawMessage) {
	o.open(name)
	o.uuid("step_uuid", id)
	o.bool("success", true)
	o.text("status", sdk.StatusCompleted)
	o.raw("result", result)
	o.close()
}

// object writes JSON objects without building them first.
type object struct{ b []byte }

func (o *object) key(key string) {
	if n := len(o.b); n > 0 && o.b[n-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(o.quoted(key), ':')
}

func (o *object) quoted(s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return append(o.b, encode(s)...)
		}
	}
	o.b = append(append(append(o.b, '"'), s...), '"')
	return o.b
}

// open begins an object; the outermost one has no key.
func (o *object) open(key string) {
	if len(o.b) > 0 {
		o.key(key)
	}
	o.b = append(o.b, '{')
}

func (o *object) close() { o.b = append(o.b, '}') }

func (o *object) text(key, value string) {
	o.key(key)
	o.b = o.quoted(value)
}

func (o *object) number(key string, value int64) {
	o.key(key)
	o.b = strconv.AppendInt(o.b, value, 10)
}

func (o *object) bool(key string, value bool) {
	o.key(key)
	o.b = strconv.AppendBool(o.b, value)
}

// uuid writes the zero one as null.
func (o *object) uuid(key string, id sdk.UUID) {
	if id == (sdk.UUID{}) {
		o.raw(key, nil)
		return
	}
	o.key(key)
	o.b = append(o.b, '"')
	o.b = append(o.b, id.String()...)
	o.b = append(o.b, '"')
}

// raw writes JSON as it is; none becomes null.
func (o *object) raw(key string, value json.RawMessage) {
	o.key(key)
	if len(bytes.TrimSpace(value)) == 0 {
		value = json.RawMessage("null")
	}
	o.b = append(o.b, value...)
}
