package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
)

// Error is what a call fails with; its JSON form is the error document.
type Error struct {
	Code      Code           `json:"code"`
	Name      string         `json:"name"`
	Message   string         `json:"message"`
	Retryable bool           `json:"retryable"`
	Details   map[string]any `json:"details"`
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an [Error]. Whether it may go away follows from its code.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Name: code.String(), Message: fmt.Sprintf(format, args...), Retryable: code.retryable(), Details: map[string]any{}}
}

// With adds a detail.
func (e *Error) With(key string, value any) *Error {
	e.Details[key] = value
	return e
}

// Document is the error's JSON form.
func (e *Error) Document() []byte { return encode(e) }

// toError finds the [Error] that err is, or makes one.
func toError(err error) *Error {
	var known *Error
	var stale *dispatch.FfiStaleError
	var cancelled *dispatch.FfiCancelledError
	var refused *payload.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &stale):
		return Errorf(EStaleToken, "%s", err).With("reason", stale.End)
	case errors.As(err, &cancelled):
		return Errorf(ECancelled, "%s", err).With("reason", cancelled.End)
	case errors.As(err, &refused):
		return Errorf(EEncoding, "%s", err).With("offset", refused.Offset)
	case errors.Is(err, dispatch.ErrFfiBusy):
		return Errorf(EBusy, "%s", err)
	case errors.Is(err, dispatch.ErrFfiNoCheckpoints):
		return Errorf(EUnsupported, "%s", err)
	case errors.Is(err, context.DeadlineExceeded):
		return Errorf(EDeadline, "%s", err)
	case errors.Is(err, context.Canceled):
		return Errorf(ECancelled, "%s", err)
	}
	return Errorf(EInternal, "%s", err)
}

// encode writes v as JSON that keeps <, > and &. What is encoded here always can be.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return Errorf(EInternal, "encode %T: %s", v, err).Document()
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
