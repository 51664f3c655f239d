package tasktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestArithmeticIsTheSameInEachForm(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), sdk.NewRegistry()
	arithmetic(r, map[string]func(in []float64) float64{
		"square":  func(in []float64) float64 { return in[0] * in[0] },
		"add10":   func(in []float64) float64 { return in[0] + 10 },
		"add25":   func(in []float64) float64 { return in[0] + 25 },
		"triple":  func(in []float64) float64 { return in[0] * 3 },
		"double":  func(in []float64) float64 { return in[0] * 2 },
		"halve":   func(in []float64) float64 { return in[0] / 2 },
		"average": func(in []float64) float64 { return (in[0] + in[1]) / 2 },
	})
	plan(t, dir, "numbers", "linear", "square", "add10: handler: {callable: add10}, dependencies: [square]",
		"triple: handler: {callable: triple}, dependencies: [add10]", "halve: handler: {callable: halve}, dependencies: [triple]")
	plan(t, dir, "numbers", "diamond", "square", "add25: handler: {callable: add25}, dependencies: [square]",
		"double: handler: {callable: double}, dependencies: [square]", "average: handler: {callable: average}, dependencies: [add25, double]")
	e := forms.Start(t, r, dir+"/*.yaml")
	for name, tt := range map[string]struct {
		template string
		results  map[string]string
	}{
		"W1 four steps in a row": {"linear", map[string]string{"square": "36", "add10": "46", "triple": "138", "halve": "69"}},
		"W3 a diamond":           {"diamond", map[string]string{"square": "36", "add25": "61", "double": "72", "average": "66.5"}},
	} {
		t.Run(name, func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				task := e.Run(form, "numbers", tt.template, map[string]any{"n": 6})
				task.RequireComplete()
				require.Len(t, task.Steps, len(tt.results))
				for step, want := range tt.results {
					require.Equal(t, "complete", task.StepState(step))
					require.JSONEq(t, want, string(task.Result(step)), step)
				}
			})
		})
	}
}

// shops are the workflows of W10, each with the parents of its steps. The first step checks the order.
var shops = map[string][][]string{
	"ecommerce":         {{"check"}, {"pay", "check"}, {"stock", "pay"}, {"order", "stock"}, {"mail", "order"}},
	"data_pipeline":     {{"check"}, {"sales", "check"}, {"stock", "check"}, {"people", "check"}, {"clean", "sales", "stock", "people"}, {"join", "clean"}, {"sum", "join"}, {"report", "sum"}},
	"registration":      {{"check"}, {"profile", "check"}, {"billing", "check"}, {"greet", "profile", "billing"}, {"done", "greet"}},
	"order_fulfillment": {{"check"}, {"reserve", "check"}, {"charge", "reserve"}, {"ship", "charge"}},
	"refund":            {{"check"}, {"policy", "check"}, {"pay_back", "policy"}, {"books", "pay_back"}, {"mail", "books"}},
	"ticket_refund":     {{"check"}, {"approve", "check"}, {"hand_on", "approve"}, {"close", "hand_on"}},
}

// W10
func TestBusinessWorkflowsAreTheSameInEachForm(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), sdk.NewRegistry()
	business(r)
	for name, steps := range shops {
		lines := []string{"check"}
		for _, s := range steps[1:] {
			lines = append(lines, s[0]+": handler: {callable: go_on}, dependencies: ["+strings.Join(s[1:], ", ")+"]")
		}
		plan(t, dir, "business", name, lines...)
	}
	e := forms.Start(t, r, dir+"/*.yaml")
	for name, steps := range shops {
		t.Run(name, func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				last := steps[len(steps)-1][0]
				task := e.Run(form, "business", name, map[string]any{"items": []string{"tea"}})
				task.RequireComplete()
				require.Len(t, task.Steps, len(steps))
				var done []string
				require.NoError(t, json.Unmarshal(task.Result(last), &done))
				for _, step := range steps {
					require.Equal(t, "complete", task.StepState(step[0]))
					require.Contains(t, done, step[0], "the last step sees what was done before it")
				}
				for _, wrong := range []any{map[string]any{}, map[string]any{"items": []string{}}, map[string]any{"items": 7}} {
					refused := e.Run(form, "business", name, wrong)
					require.Equal(t, "blocked_by_failures", refused.State)
					require.Equal(t, "error", refused.StepState("check"))
					require.Equal(t, 1, refused.Attempts("check"))
					require.Equal(t, "pending", refused.StepState(last))
				}
			})
		})
	}
}

// W11
func TestNamespacesKeepApartInEachForm(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), sdk.NewRegistry()
	namespaces := []string{"north", "south"}
	for _, own := range namespaces {
		r.RegisterFunc(own+".sell", func(_ context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			return sdk.Success([]string{own, step.Namespace()}), nil
		})
		plan(t, dir, own, "sale", "sell: handler: {callable: "+own+".sell}")
	}
	e := forms.Start(t, r, dir+"/*.yaml")
	forms.Each(t, func(t *testing.T, form forms.Form) {
		tasks := map[sdk.UUID]string{}
		for range 10 {
			for _, own := range namespaces {
				tasks[e.Create(form, own, "sale", nil)] = own
			}
		}
		for id, own := range tasks {
			require.Eventually(t, func() bool { return e.Task(id).State == "complete" }, time.Minute, 5*time.Millisecond)
			require.JSONEq(t, fmt.Sprintf(`[%q, %q]`, own, form.Namespace(own)), string(e.Task(id).Result("sell")))
		}
	})
}

// W13. Methods are those of a type: a function has none, and stands under a name of its own instead.
func TestATemplateFindsWhatItNamesInEachForm(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), sdk.NewRegistry()
	r.Register("payments", payments{})
	for name, f := range (payments{}).Methods() {
		r.RegisterFunc("payments."+name, f)
	}
	plan(t, dir, "found", "by_method", "validate: handler: {callable: payments, method: validate}", "process: handler: {callable: payments, method: process}",
		"refund: handler: {callable: payments, method: refund, resolver: explicit_mapping}", "call: handler: {callable: payments}")
	plan(t, dir, "found", "by_name", "validate: handler: {callable: payments.validate}", "process: handler: {callable: payments.process, method: call}",
		"refund: handler: {callable: payments.refund, resolver: explicit_mapping}", "call: handler: {callable: payments}")
	plan(t, dir, "found", "wrong_method", "rob: handler: {callable: payments, method: rob}")
	plan(t, dir, "found", "wrong_resolver", "rob: handler: {callable: payments, method: call, resolver: guess}")
	e := forms.Start(t, r, dir+"/*.yaml")
	forms.Each(t, func(t *testing.T, form forms.Form) {
		found := []string{"by_name"}
		if form == forms.StepHandler {
			found = append(found, "by_method")
		}
		for _, template := range found {
			task := e.Run(form, "found", template, nil)
			task.RequireComplete()
			for _, name := range []string{"validate", "process", "refund", "call"} {
				require.JSONEq(t, fmt.Sprintf("%q", name), string(task.Result(name)), "it names the method that ran")
			}
		}
		lost := map[string][]string{"wrong_method": {"rob"}, "wrong_resolver": {"rob"}}
		if form == forms.HandlerFunc {
			lost["by_method"] = []string{"validate", "process", "refund"}
		}
		for template, steps := range lost {
			id := e.Run(form, "found", template, nil).UUID // which is blocked by the first of them
			for _, step := range steps {
				require.Eventually(t, func() bool { return e.Task(id).StepState(step) == "error" }, time.Minute, 5*time.Millisecond)
				wrong := e.Task(id)
				require.Equal(t, 1, wrong.Attempts(step))
				require.Equal(t, sdk.ErrTypeHandlerNotFound, wrong.Execution(step).Error.ErrorType)
			}
		}
	})
}
