package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"sync"
)

// StepHandler does the work of one step.
//
// Handle returns the step's result, or an error: one made by [Permanent] fails the step for good, any other is retried as
// the template allows. ctx is cancelled when the step times out, is cancelled, or its lease is lost: what a handler
// returns after that changes nothing. A panic is caught and fails the step for good.
type StepHandler interface {
	Handle(ctx context.Context, step *StepContext) (StepResult, error)
}

// HandlerFunc makes a function a [StepHandler].
type HandlerFunc func(ctx context.Context, step *StepContext) (StepResult, error)

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, step *StepContext) (StepResult, error) {
	return f(ctx, step)
}

// MethodHandler is a [StepHandler] with more than one entry: a template's handler.method picks one by name. A method that
// is not in the map fails the step for good as handler_not_found.
type MethodHandler interface {
	StepHandler
	Methods() map[string]HandlerFunc
}

// Typed makes a function over Go types a [StepHandler]. The task's context is decoded into In (input that does not decode
// fails the step for good, as validation_error), and what the function returns becomes the step's result.
func Typed[In, Out any](fn func(ctx context.Context, in In, step *StepContext) (Out, error)) StepHandler {
	return HandlerFunc(func(ctx context.Context, step *StepContext) (StepResult, error) {
		var in In
		if err := step.Input(ctx, &in); err != nil {
			return StepResult{}, err
		}
		out, err := fn(ctx, in, step)
		if err != nil {
			return StepResult{}, err
		}
		return Success(out), nil
	})
}

// Dependency decodes the result of an earlier step of the same task. It fails the step for good when no such step is
// upstream of this one, or when its result is not a T.
func Dependency[T any](ctx context.Context, step *StepContext, name string) (T, error) {
	var v T
	raw, err := step.DependencyResult(ctx, name)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, Permanent(fmt.Errorf("result of step %q: %w", name, err), WithType("validation_error"))
	}
	return v, nil
}

// OptionalDependency is [Dependency] for a step that may not have run, such as a branch that a decision did not choose: ok is
// false then.
func OptionalDependency[T any](ctx context.Context, step *StepContext, name string) (v T, ok bool, err error) {
	got, err := step.DependencyResults(ctx, name)
	if err != nil {
		return v, false, err
	}
	if _, ok := got[name]; !ok {
		return v, false, nil
	}
	v, err = Dependency[T](ctx, step, name)
	return v, err == nil, err
}

// Config decodes a value of the template's handler.initialization; byDefault stands for one that is not there. A value that is
// not a T fails the step for good.
func Config[T any](step *StepContext, key string, byDefault T) (T, error) {
	value, ok := step.Config()[key]
	if !ok {
		return byDefault, nil
	}
	var v T
	raw, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		return byDefault, Permanent(fmt.Errorf("handler.initialization.%s of step %q: %w", key, step.StepName(), err), WithType(ErrTypeValidation))
	}
	return v, nil
}

// StepHandlerRegistry finds the handler a template names.
type StepHandlerRegistry interface {
	// GetHandler returns the handler registered under handlerClass (a template's handler.callable).
	GetHandler(handlerClass string) (StepHandler, bool)
	// RegisteredHandlers lists the names that GetHandler knows, sorted.
	RegisteredHandlers() []string
}

// Registry is the [StepHandlerRegistry] that programs fill by hand. It is safe for concurrent use.
type Registry struct {
	mu       sync.RWMutex
	handlers map[string]StepHandler
}

var _ StepHandlerRegistry = (*Registry)(nil)

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{handlers: map[string]StepHandler{}} }

// Register adds a handler under the name templates use for it. It panics when the name is empty or taken, so that a
// mistake in wiring shows at start.
func (r *Registry) Register(name string, h StepHandler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name == "" || h == nil {
		panic("sdk: Register needs a name and a handler")
	}
	if _, taken := r.handlers[name]; taken {
		panic(fmt.Sprintf("sdk: handler %q is registered twice", name))
	}
	r.handlers[name] = h
}

// RegisterFunc adds a function as a handler; see [Registry.Register].
func (r *Registry) RegisterFunc(name string, f HandlerFunc) { r.Register(name, f) }

// GetHandler returns the handler registered under name.
func (r *Registry) GetHandler(name string) (StepHandler, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	h, ok := r.handlers[name]
	return h, ok
}

// RegisteredHandlers lists the registered names, sorted.
func (r *Registry) RegisteredHandlers() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.handlers))
	for n := range r.handlers {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
