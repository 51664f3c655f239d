package e2e

import (
	"fmt"
	"testing"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk"
)

func step(name string, dependsOn ...string) template.StepDefinition {
	return template.NewStep(name, "work", dependsOn...)
}

// by gives a step to a handler.
func by(handler string, s template.StepDefinition) template.StepDefinition {
	s.Handler.Callable = handler
	return s
}

// in has the steps done by their handlers in a form.
func in(form forms.Form, steps ...template.StepDefinition) []template.StepDefinition {
	for i := range steps {
		steps[i].Handler.Callable = form.Of(steps[i].Handler.Callable)
	}
	return steps
}

// retried sets how often a step may run, one millisecond apart.
func retried(attempts int32, s template.StepDefinition) template.StepDefinition {
	s.Retry.MaxAttempts, s.Retry.BackoffBaseMS, s.Retry.Jitter = attempts, 1, false
	return s
}

func linear(n int) (steps []template.StepDefinition) {
	steps = append(steps, step("s1"))
	for i := 2; i <= n; i++ {
		steps = append(steps, step(fmt.Sprint("s", i), fmt.Sprint("s", i-1)))
	}
	return steps
}

func diamond() []template.StepDefinition {
	return []template.StepDefinition{step("cut"), by("left", step("a", "cut")), by("right", step("b", "cut")), step("join", "a", "b")}
}

func tree() []template.StepDefinition {
	return []template.StepDefinition{
		step("root"), step("l", "root"), step("r", "root"),
		step("d", "l"), step("e", "l"), step("f", "r"), step("g", "r"), step("join", "d", "e", "f", "g"),
	}
}

// wide has n steps side by side, which the left and the right handler share.
func wide(n int) []template.StepDefinition {
	steps, all := []template.StepDefinition{step("cut")}, []string{}
	for i := range n {
		all = append(all, fmt.Sprint("w", i))
		steps = append(steps, by([]string{"left", "right"}[i%2], step(all[i], "cut")))
	}
	return append(steps, step("join", all...))
}

var shapes = []string{"linear", "diamond", "tree", "wide"}

func stepsOfShapes() map[string][]template.StepDefinition {
	return map[string][]template.StepDefinition{"linear": linear(4), "diamond": diamond(), "tree": tree(), "wide": wide(12)}
}

// registerShapes makes a template of each shape, with 4, 4, 8 and 14 steps, which may lose as many workers as tests kill.
func (w *world) registerShapes(t testing.TB) {
	t.Helper()
	for name, steps := range stepsOfShapes() {
		for i := range steps {
			steps[i].Retry.MaxCrashes = 99
		}
		w.register(t, name, steps...)
	}
}

// mixed goes round the shapes; the steps take ms milliseconds.
func mixed(ms int) func(n int) sdk.TaskRequest {
	return func(n int) sdk.TaskRequest {
		return request(shapes[n%len(shapes)], map[string]conduct{"*": {MS: ms}})
	}
}
