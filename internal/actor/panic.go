package actor

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// PanicError is a panic that was caught in a message's handler, or while an actor started or stopped. It is a bug in
// our code, so it is logged with its stack where it is caught, whatever the caller does with the error.
type PanicError struct {
	// In names the message type or the actor, as in "FinalizeTaskMessage".
	In string
	// Value is what panic was called with.
	Value any
	// Stack is the stack of the goroutine that panicked, as [debug.Stack] prints it.
	Stack []byte
}

// Error names the place and the value; the stack stays in its field.
func (e *PanicError) Error() string { return fmt.Sprintf("%s: panic: %v", e.In, e.Value) }

// Unwrap returns the value that was panicked with if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// panicked turns a recovered value into an error. It is called by the deferred function, while the stack still stands.
func panicked(ctx context.Context, in string, value any) *PanicError {
	err := &PanicError{In: in, Value: value, Stack: debug.Stack()}
	slog.ErrorContext(ctx, "panic caught in an actor", "in", in, "panic", fmt.Sprint(value), "stack", string(err.Stack))
	return err
}
