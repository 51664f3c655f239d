package orchestration_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func schemaOf(t testing.TB, text string) (schema any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &schema))
	return schema
}

// TestAContextThatDoesNotMeetTheInputSchemaMakesNoTask holds the last part of behaviour W7.
func TestAContextThatDoesNotMeetTheInputSchemaMakesNoTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tt := template.New("n", "approval", "1.0.0", step("a"))
	tt.InputSchema = schemaOf(t, `{"type": "object", "required": ["amount", "requester", "purpose"], "properties": {
		"amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000000}, "requester": {"type": "string", "minLength": 1}, "purpose": {"type": "string", "minLength": 1}}}`)
	_, err := w.catalog.Register(t.Context(), tt, false)
	require.NoError(t, err)
	for input, want := range map[string][]string{
		`{"amount": 0, "requester": "", "purpose": "desk"}`:      {"context/amount: 0 is not more than 0", "context/requester: minLength: got 0, want 1"},
		`{"amount": 1000001, "requester": "ada", "purpose": ""}`: {"context/amount: 1000001 is more than 1000000", "context/purpose: minLength: got 0, want 1"},
		`{}`: {"context: missing properties 'amount', 'requester', 'purpose'"},
	} {
		_, err := w.request(t.Context(), requestFor("approval", input))
		var refused *orchestration.RequestError
		require.ErrorAs(t, err, &refused, input)
		require.Equal(t, want, refused.Problems)
	}
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.tasks"))
	_, err = w.request(t.Context(), requestFor("approval", `{"amount": 1000000, "requester": "ada", "purpose": "desk"}`))
	require.NoError(t, err)
}

func TestAResultIsHeldToItsSchemaIfTheTemplateAsksForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, enforced := range []bool{true, false} {
		s := step("a")
		s.ResultSchema, s.EnforceResultSchema = schemaOf(t, `{"type": "object", "required": ["total"]}`), enforced
		name := map[bool]string{true: "held", false: "free"}[enforced]
		w.register(t, name, template.IdentityAlwaysUnique, s)
		task := w.create(t, name)
		w.process(t, store.Lease{}, results(&sdk.StepExecutionResult{Success: true, Result: json.RawMessage(`{"sum": 1}`)}, w.claim(t)...)...)
		view := w.step(t, task, 0)
		if !enforced {
			require.Equal(t, workflow.StepComplete, view.State)
			continue
		}
		require.Equal(t, workflow.StepError, view.State, "no retry repairs it")
		require.EqualValues(t, 1, view.Counts.Used())
		require.Equal(t, orchestration.ErrTypeResultSchema, view.Results.Error.ErrorType)
		require.Equal(t, "the result does not meet result_schema: result: missing property 'total'", view.Results.Error.Message)
	}
}

func TestATaskStartsAtTheTimeThatItsRequestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "one", template.IdentityAlwaysUnique, step("a"))
	later, before := requestFor("one", `{}`), requestFor("one", `{}`)
	later.RunAt, before.RunAt = &sdk.Timestamp{Time: time.Now().Add(time.Hour)}, &sdk.Timestamp{Time: time.Now().Add(-time.Hour)}
	made, err := w.request(t.Context(), later)
	require.NoError(t, err)
	require.Equal(t, workflow.TaskPending, w.state(t, made.TaskUUID))
	view, err := w.store.Task(t.Context(), made.TaskUUID)
	require.NoError(t, err)
	require.WithinDuration(t, later.RunAt.Time, *view.StartAt, time.Minute)
	made, err = w.request(t.Context(), before)
	require.NoError(t, err)
	require.Equal(t, workflow.TaskStepsInProcess, w.state(t, made.TaskUUID))
}

func TestARequestsIdentityStrategyComesBeforeTheTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "one", template.IdentityStrict, step("a"))
	ask := func(strategy string) (orchestration.TaskRequestResult, error) {
		r := requestFor("one", `{"n": 1}`)
		if strategy != "" {
			r.Options = map[string]json.RawMessage{"identity_strategy": json.RawMessage(strategy), "something_else": json.RawMessage(`1`)}
		}
		return w.request(t.Context(), r)
	}
	first, err := ask("")
	require.NoError(t, err)
	again, err := ask(`"strict"`)
	require.NoError(t, err)
	require.Equal(t, orchestration.TaskRequestResult{TaskUUID: first.TaskUUID, Existing: true}, again)
	other, err := ask(`"always_unique"`)
	require.NoError(t, err)
	require.False(t, other.Existing)
	_, err = ask(`"caller_provided"`)
	require.ErrorContains(t, err, "asks for an idempotency_key")
	_, err = ask(`"sometimes"`)
	require.ErrorContains(t, err, `options.identity_strategy "sometimes" is not one of strict, caller_provided, always_unique`)
}
