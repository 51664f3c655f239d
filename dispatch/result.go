package dispatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Succeeded is the result of a handler that returned a value. A value that cannot be stored is a permanent failure.
func Succeeded(key StepKey, r sdk.StepResult, limits payload.Limits) *sdk.StepExecutionResult {
	raw, err := encode(r.Value)
	if err == nil {
		err = payload.Check(raw, limits)
	}
	if err == nil {
		err = storable(r.Metadata)
	}
	if err != nil {
		return Failed(key, Refused(err))
	}
	return &sdk.StepExecutionResult{
		StepUUID: sdk.StepUUID(key.TaskUUID, key.StepNo), Success: true, Status: sdk.StatusCompleted, Result: raw,
		Metadata: sdk.StepExecutionMetadata{Custom: r.Metadata},
	}
}

// Refused is the permanent failure of a step whose result cannot be stored.
func Refused(cause error) error {
	return sdk.Permanent(fmt.Errorf("the step's result cannot be stored: %w", cause), sdk.WithType(sdk.ErrTypeResultRefused))
}

func encode(v any) (json.RawMessage, error) {
	switch v := v.(type) {
	case nil:
		return json.RawMessage("{}"), nil
	case json.RawMessage:
		return v, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// Failed is the result of an attempt that ended in err.
func Failed(key StepKey, err error) *sdk.StepExecutionResult {
	e := sdk.AsStepError(err)
	message, code, kind, context := plain(e.Message), plain(e.Code), plain(e.Type), e.Context
	if kind == "" {
		kind = sdk.ErrTypeHandler
	}
	if err := storable(context); err != nil {
		context = map[string]any{"refused": plain(err.Error())}
	}
	r := &sdk.StepExecutionResult{
		StepUUID: sdk.StepUUID(key.TaskUUID, key.StepNo), Status: sdk.StatusError, Result: json.RawMessage("{}"),
		Metadata: sdk.StepExecutionMetadata{Retryable: e.Retryable, ErrorType: kind, ErrorCode: code},
		Error:    &sdk.StepExecutionError{Message: message, ErrorType: kind, Retryable: e.Retryable, Context: context},
	}
	if e.RetryAfter > 0 {
		seconds := math.Ceil(e.RetryAfter.Seconds())
		r.OrchestrationMetadata = &sdk.OrchestrationMetadata{
			Headers:     map[string]string{},
			Custom:      map[string]any{},
			BackoffHint: &sdk.BackoffHint{BackoffType: "ServerRequested", DelaySeconds: uint32(min(seconds, math.MaxUint32))},
		}
	}
	return r
}

// storable says whether what a handler adds to its result can be stored.
func storable(extra map[string]any) error {
	if len(extra) == 0 {
		return nil
	}
	raw, err := encode(extra)
	if err != nil {
		return err
	}
	return payload.Check(raw, payload.Limits{})
}

// maxText bounds a message that is kept.
const maxText = 60 << 10

// plain makes text storable: UTF-8, without NUL, and of a length that people read.
func plain(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + " …"
	}
	return text
}

// RefusedError says that the store will never take a result.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the store's error.
func (e *RefusedError) Unwrap() error { return e.Err }

func isRefused(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused)
}
