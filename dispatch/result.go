package dispatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Succeeded is the result of a handler that returned a value. A value that cannot be stored is a permanent failure.
func Succeeded(key StepKey, r sdk.StepResult, limits payload.Limits) *sdk.StepExecutionResult {
	raw, err := encode(r.Value)
	if err == nil {
		err = payload.Check(raw, limits)
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
	kind := e.Type
	if kind == "" {
		kind = sdk.ErrTypeHandler
	}
	r := &sdk.StepExecutionResult{
		StepUUID: sdk.StepUUID(key.TaskUUID, key.StepNo), Status: sdk.StatusError, Result: json.RawMessage("{}"),
		Metadata: sdk.StepExecutionMetadata{Retryable: e.Retryable, ErrorType: kind, ErrorCode: e.Code},
		Error:    &sdk.StepExecutionError{Message: e.Message, ErrorType: kind, Retryable: e.Retryable, Context: e.Context},
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

// RefusedError says that the store will never take a result.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the store's error.
func (e *RefusedError) Unwrap() error { return e.Err }

func isRefused(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused)
}
