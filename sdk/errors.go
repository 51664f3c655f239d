package sdk

import (
	"errors"
	"fmt"
	"time"
)

// Error types that the core itself gives; handlers may use others.
const (
	ErrTypeHandler         = "handler_error"
	ErrTypePermanent       = "permanent_error"
	ErrTypeRetryable       = "retryable_error"
	ErrTypeValidation      = "validation_error"
	ErrTypeHandlerNotFound = "handler_not_found"
	ErrTypeHandlerPanic    = "handler_panic"
	ErrTypeHandlerTimeout  = "handler_timeout"
	ErrTypeLeaseExpired    = "lease_expired"
	ErrTypeWorkerLost      = "worker_lost"
	ErrTypeResultRefused   = "result_refused"
	ErrTypeCheckpoint      = "checkpoint_error"
	// The outcome of a decision, or of a batchable step, asks for what cannot be.
	ErrTypeDecision = "DECISION_ERROR"
	ErrTypeBatches  = "BATCH_ERROR"
)

// StepError is an error that says how the step shall go on.
type StepError struct {
	// Message is what operators read. It is kept with the step.
	Message string
	// Type groups errors for people and metrics. Defaults to "handler_error".
	Type string
	// Code is the application's own code, kept with the step.
	Code string
	// Retryable says whether another attempt may help.
	Retryable bool
	// RetryAfter is the least time until the next attempt; it takes the place of the template's backoff.
	RetryAfter time.Duration
	// Context is kept with the step.
	Context map[string]any
	// Err is the cause, if any.
	Err error
}

func (e *StepError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// ErrorOption adds to a [StepError].
type ErrorOption func(*StepError)

// WithCode sets the application's error code.
func WithCode(code string) ErrorOption { return func(e *StepError) { e.Code = code } }

// WithType sets the error type.
func WithType(t string) ErrorOption { return func(e *StepError) { e.Type = t } }

// WithContext keeps a value with the failed step.
func WithContext(key string, value any) ErrorOption {
	return func(e *StepError) {
		if e.Context == nil {
			e.Context = map[string]any{}
		}
		e.Context[key] = value
	}
}

// RetryAfter asks that the next attempt starts no sooner than d from now, as a server's Retry-After would.
func RetryAfter(d time.Duration) ErrorOption { return func(e *StepError) { e.RetryAfter = d } }

// Permanent makes an error that fails the step for good: no further attempt.
func Permanent(err error, opts ...ErrorOption) error {
	return newStepError(err, ErrTypePermanent, false, opts)
}

// Permanentf is [Permanent] over a formatted message.
func Permanentf(format string, args ...any) error { return Permanent(fmt.Errorf(format, args...)) }

// Retryable makes an error after which the step is tried again, as often as its template allows.
func Retryable(err error, opts ...ErrorOption) error {
	return newStepError(err, ErrTypeRetryable, true, opts)
}

// Retryablef is [Retryable] over a formatted message.
func Retryablef(format string, args ...any) error { return Retryable(fmt.Errorf(format, args...)) }

func newStepError(err error, kind string, retryable bool, opts []ErrorOption) error {
	if err == nil {
		err = errors.New("unknown error")
	}
	e := &StepError{Message: err.Error(), Type: kind, Retryable: retryable, Err: err}
	for _, o := range opts {
		o(e)
	}
	return e
}

// AsStepError finds the [StepError] in err's chain; an error without one is a retryable handler_error.
func AsStepError(err error) *StepError {
	var e *StepError
	if errors.As(err, &e) {
		if e.Message != err.Error() { // the error was wrapped on its way: keep the longer story
			wrapped := *e
			wrapped.Message = err.Error()
			return &wrapped
		}
		return e
	}
	return &StepError{Message: err.Error(), Type: ErrTypeHandler, Retryable: true, Err: err}
}
