package client

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// The codes of errors.
const (
	CodeBadRequest         = "BAD_REQUEST"
	CodeInvalidUUID        = "INVALID_UUID"
	CodeJSONError          = "JSON_ERROR"
	CodeUnauthorized       = "UNAUTHORIZED"
	CodeForbidden          = "FORBIDDEN"
	CodeNotFound           = "NOT_FOUND"
	CodeMethodNotAllowed   = "METHOD_NOT_ALLOWED"
	CodeTimeout            = "TIMEOUT"
	CodeConflict           = "CONFLICT"
	CodePayloadTooLarge    = "PAYLOAD_TOO_LARGE"
	CodeBackpressure       = "BACKPRESSURE"
	CodeServiceUnavailable = "SERVICE_UNAVAILABLE"
	CodeDatabaseError      = "DATABASE_ERROR"
	CodeInternalError      = "INTERNAL_ERROR"
	// CodeConnection is the client's own: no answer came.
	CodeConnection = "CONNECTION_ERROR"
	// CodeBadAnswer is the client's own: what answered does not speak the API.
	CodeBadAnswer = "BAD_ANSWER"
)

// Error is an answer that is no success, or the lack of one.
type Error struct {
	// StatusCode is HTTP's; 0 if no answer came.
	StatusCode int
	// Code is one of the Code values.
	Code    string
	Message string
	// RequestID finds the request in the server's log.
	RequestID string
	// RetryAfter is how long the server asks to wait; 0 if it does not say.
	RetryAfter time.Duration
	// Err is the cause where no answer came.
	Err error
}

func (e *Error) Error() string {
	text := "tasker server: "
	if e.StatusCode != 0 {
		text += fmt.Sprintf("%d ", e.StatusCode)
	}
	text += e.Code + ": " + e.Message
	if e.StatusCode >= http.StatusInternalServerError && e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Unwrap returns the cause where no answer came.
func (e *Error) Unwrap() error { return e.Err }

// Recoverable says whether the same request may succeed later, with nothing changed.
func (e *Error) Recoverable() bool {
	switch e.StatusCode {
	case 0, http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return e.Code != CodeBadAnswer
	}
	return false
}

// IsNotFound says whether err is the answer that there is no such thing.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode == http.StatusNotFound
}
