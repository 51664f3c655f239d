// Package forms runs tests with their handlers written in each of the two forms that package sdk has for them.
package forms

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/tasktest"
)

// Form is one of the ways in which a Go program writes a handler. Its text is the name of the type in package sdk.
type Form string

const (
	// StepHandler is a type of the program's own, with a method Handle. Other languages call it a class.
	StepHandler Form = "StepHandler"
	// HandlerFunc is a function, also one that sdk.Typed makes of a function over Go types. Other languages have a DSL for it.
	HandlerFunc Form = "HandlerFunc"
)

// All are the forms.
var All = []Form{StepHandler, HandlerFunc}

// handler is a handler type like those that programs write.
type handler struct{ work sdk.HandlerFunc }

func (h *handler) Handle(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	return h.work(ctx, step)
}

// Of is the name of a handler in this form.
func (f Form) Of(name string) string { return string(f) + "." + name }

// Namespace is the namespace that stands for another in this form: names of namespaces are short.
func (f Form) Namespace(name string) string { return name + "_" + strings.ToLower(string(f[:1])) }

// Add registers each handler in each form, under the name that [Form.Of] gives. A type that has methods keeps them; a function has
// none.
func Add(to *sdk.Registry, handlers sdk.StepHandlerRegistry) {
	for _, name := range handlers.RegisteredHandlers() {
		h, _ := handlers.GetHandler(name)
		to.RegisterFunc(HandlerFunc.Of(name), h.Handle)
		if _, ok := h.(sdk.MethodHandler); !ok {
			h = &handler{h.Handle}
		}
		to.Register(StepHandler.Of(name), h)
	}
}

// Each runs a test in each form, side by side, and returns when all are done.
func Each(t *testing.T, test func(t *testing.T, form Form)) {
	t.Helper()
	t.Run("in each form", func(t *testing.T) {
		for _, form := range All {
			t.Run(string(form), func(t *testing.T) {
				t.Parallel()
				test(t, form)
			})
		}
	})
}

// Engine is an engine with one worker, whose handlers and templates are there in each form.
type Engine struct{ *tasktest.Engine }

var (
	namespaceLine = regexp.MustCompile(`(?m)^namespace_name: *(\S+)`)
	callableField = regexp.MustCompile(`callable: *([\w.]+)`)
)

// Start starts an engine. A template of the files is there once in each form: its namespace is that of [Form.Namespace], and its
// handlers are those of the form.
func Start(t testing.TB, handlers sdk.StepHandlerRegistry, files ...string) *Engine {
	t.Helper()
	registry, folder := sdk.NewRegistry(), t.TempDir()
	Add(registry, handlers)
	for _, pattern := range files {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		for _, file := range found {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, form := range All {
				name := filepath.Join(folder, string(form)+"_"+filepath.Base(file))
				require.NoError(t, os.WriteFile(name, form.rewrite(text), 0o600))
			}
		}
	}
	return &Engine{tasktest.Start(t, registry, folder)}
}

func (f Form) rewrite(template []byte) []byte {
	template = namespaceLine.ReplaceAllFunc(template, func(line []byte) []byte {
		return []byte("namespace_name: " + f.Namespace(string(namespaceLine.FindSubmatch(line)[1])))
	})
	return callableField.ReplaceAll(template, []byte("callable: "+f.Of("$1")))
}

// Run runs a task in a form and waits until it comes to rest.
func (e *Engine) Run(form Form, namespace, name string, input any) *tasktest.Task {
	return e.Engine.Run(form.Namespace(namespace), name, "1.0.0", input)
}

// Create makes a task in a form and does not wait for it.
func (e *Engine) Create(form Form, namespace, name string, input any) sdk.UUID {
	return e.Engine.Create(form.Namespace(namespace), name, "1.0.0", input)
}
