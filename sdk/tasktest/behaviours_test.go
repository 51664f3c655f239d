package tasktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/tasktest"
)

// plan writes a template into a folder, each step as "name", or "name: settings" in the form of YAML.
func plan(t *testing.T, dir, namespace, name string, steps ...string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nnamespace_name: %s\nversion: 1.0.0\nsteps:\n", name, namespace)
	for _, s := range steps {
		step, settings, found := strings.Cut(s, ": ")
		if !found {
			settings = "handler: {callable: " + step + "}"
		}
		fmt.Fprintf(&b, "  - {name: %s, %s}\n", step, settings)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, namespace+"_"+name+".yaml"), []byte(b.String()), 0o600))
}

// arithmetic registers a handler of each name, which computes with the task's n, if it is a first step, or with what its
// dependencies returned.
func arithmetic(r *sdk.Registry, names map[string]func(in []float64) float64) {
	for name, compute := range names {
		r.RegisterFunc(name, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			var in []float64
			for _, parent := range step.Dependencies() {
				n, err := sdk.Dependency[float64](ctx, step, parent)
				if err != nil {
					return sdk.StepResult{}, err
				}
				in = append(in, n)
			}
			if len(in) == 0 {
				var input struct{ N float64 }
				if err := step.Input(ctx, &input); err != nil {
					return sdk.StepResult{}, err
				}
				in = append(in, input.N)
			}
			return sdk.Success(compute(in)), nil
		})
	}
}

func TestTheWorkflowsOfOtherLanguagesComputeTheSame(t *testing.T) {
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
	plan(t, dir, "linear", "sequence", "square", "add10: handler: {callable: add10}, dependencies: [square]",
		"triple: handler: {callable: triple}, dependencies: [add10]", "halve: handler: {callable: halve}, dependencies: [triple]")
	plan(t, dir, "diamond", "pattern", "square", "add25: handler: {callable: add25}, dependencies: [square]",
		"double: handler: {callable: double}, dependencies: [square]", "average: handler: {callable: average}, dependencies: [add25, double]")
	e := tasktest.Start(t, r, dir)
	for id, tt := range map[string]struct {
		namespace, name string
		results         map[string]string
	}{
		"W1 linear":  {"linear", "sequence", map[string]string{"square": "36", "add10": "46", "triple": "138", "halve": "69"}},
		"W3 diamond": {"diamond", "pattern", map[string]string{"square": "36", "add25": "61", "double": "72", "average": "66.5"}},
	} {
		task := e.Run(tt.namespace, tt.name, "1.0.0", map[string]any{"n": 6})
		task.RequireComplete()
		require.Len(t, task.Steps, 4, id)
		for step, want := range tt.results {
			require.JSONEq(t, want, string(task.Result(step)), "%s, %s", id, step)
		}
	}
}

// business registers a check of the order, and a step that lists what it was given by the steps before it.
func business(r *sdk.Registry) {
	r.RegisterFunc("check", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		var order struct{ Items []string }
		if err := step.Input(ctx, &order); err != nil {
			return sdk.StepResult{}, err
		}
		if len(order.Items) == 0 {
			return sdk.StepResult{}, sdk.Permanentf("the order has no items")
		}
		return sdk.Success([]string{step.StepName()}), nil
	})
	r.RegisterFunc("go_on", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		done := []string{}
		for _, parent := range step.Dependencies() {
			before, err := sdk.Dependency[[]string](ctx, step, parent)
			if err != nil {
				return sdk.StepResult{}, err
			}
			done = append(done, before...)
		}
		return sdk.Success(append(done, step.StepName())), nil
	})
}

// W10
func TestBusinessWorkflowsCompleteOrFailWhereTheyCheck(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), sdk.NewRegistry()
	business(r)
	after := func(name string, parents ...string) string {
		return name + ": handler: {callable: go_on}, dependencies: [" + strings.Join(parents, ", ") + "]"
	}
	const check = "check"
	shapes := map[string]struct {
		steps []string
		last  string
		walks int // steps on all ways from the first to the last
	}{
		"ecommerce":         {[]string{check, after("pay", check), after("stock", "pay"), after("order", "stock"), after("mail", "order")}, "mail", 5},
		"data_pipeline":     {[]string{check, after("sales", check), after("stock", check), after("people", check), after("clean", "sales", "stock", "people"), after("join", "clean"), after("sum", "join"), after("report", "sum")}, "report", 10},
		"registration":      {[]string{check, after("profile", check), after("billing", check), after("greet", "profile", "billing"), after("done", "greet")}, "done", 6},
		"order_fulfillment": {[]string{check, after("reserve", check), after("charge", "reserve"), after("ship", "charge")}, "ship", 4},
		"refund":            {[]string{check, after("policy", check), after("pay_back", "policy"), after("books", "pay_back"), after("mail", "books")}, "mail", 5},
		"ticket_refund":     {[]string{check, after("approve", check), after("hand_on", "approve"), after("close", "hand_on")}, "close", 4},
	}
	for name, s := range shapes {
		plan(t, dir, "business", name, append([]string{check + ": handler: {callable: check}"}, s.steps[1:]...)...)
	}
	e := tasktest.Start(t, r, dir)
	for name, s := range shapes {
		task := e.Run("business", name, "1.0.0", map[string]any{"items": []string{"tea"}})
		task.RequireComplete()
		require.Len(t, task.Steps, len(s.steps), name)
		var done []string
		require.NoError(t, json.Unmarshal(task.Result(s.last), &done))
		require.Len(t, done, s.walks, name)

		refused := e.Run("business", name, "1.0.0", map[string]any{"items": []string{}})
		require.Equal(t, "blocked_by_failures", refused.State, name)
		require.Equal(t, "error", refused.StepState(check), name)
		require.Equal(t, 1, refused.Attempts(check), name)
		require.Equal(t, "pending", refused.StepState(s.last), name)
	}
}

// W11
func TestNamespacesWithAWorkflowOfTheSameNameRunTheirOwnHandlers(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), sdk.NewRegistry()
	namespaces := []string{"north", "south"}
	for _, own := range namespaces {
		r.RegisterFunc(own+".sell", func(_ context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			return sdk.Success([]string{own, step.Namespace()}), nil
		})
		plan(t, dir, own, "sale", "sell: handler: {callable: "+own+".sell}")
	}
	e := tasktest.Start(t, r, dir)
	tasks := map[sdk.UUID]string{}
	for range 10 {
		for _, own := range namespaces {
			tasks[e.Create(own, "sale", "1.0.0", nil)] = own
		}
	}
	for id, own := range tasks {
		require.Eventually(t, func() bool { return e.Task(id).State == "complete" }, time.Minute, 5*time.Millisecond)
		require.JSONEq(t, fmt.Sprintf(`[%q, %q]`, own, own), string(e.Task(id).Result("sell")))
	}
}

// payments has the entries validate, process and refund beside its call.
type payments struct{}

func (payments) Handle(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
	return sdk.Success("call"), nil
}

func (payments) Methods() map[string]sdk.HandlerFunc {
	methods := map[string]sdk.HandlerFunc{}
	for _, name := range []string{"validate", "process", "refund"} {
		methods[name] = func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success(name), nil }
	}
	return methods
}

// W13 and E10
func TestTheMethodOfATemplatePicksTheEntryOfAHandler(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), sdk.NewRegistry()
	r.Register("payments", payments{})
	plan(t, dir, "methods", "four", "validate: handler: {callable: payments, method: validate}", "process: handler: {callable: payments, method: process}",
		"refund: handler: {callable: payments, method: refund, resolver: explicit_mapping}", "call: handler: {callable: payments}")
	plan(t, dir, "methods", "wrong_method", "rob: handler: {callable: payments, method: rob}")
	plan(t, dir, "methods", "wrong_resolver", "rob: handler: {callable: payments, method: refund, resolver: guess}")
	e := tasktest.Start(t, r, dir)
	task := e.Run("methods", "four", "1.0.0", nil)
	task.RequireComplete()
	for _, name := range task.Steps {
		require.JSONEq(t, fmt.Sprintf("%q", name), string(task.Result(name)), "it names the method that ran")
	}
	for _, template := range []string{"wrong_method", "wrong_resolver"} {
		wrong := e.Run("methods", template, "1.0.0", nil)
		require.Equal(t, "error", wrong.StepState("rob"))
		require.Equal(t, 1, wrong.Attempts("rob"))
		require.Equal(t, sdk.ErrTypeHandlerNotFound, wrong.Execution("rob").Error.ErrorType)
	}
}
