package e2e

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/internal/httpapi"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// served is a client of an API that this node serves.
func (n *node) served(t *testing.T) *client.Client {
	t.Helper()
	actors := n.Orchestration.Actors
	server := httptest.NewServer(httpapi.New(httpapi.Deps{Store: n.system.Store, TaskRequests: actors.TaskRequestActor, Operators: actors.Operators}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{BaseURL: server.URL})
	require.NoError(t, err)
	return c
}

// E8. Of Go's errors only panics have a backtrace.
func TestAllThatAFailureSaysIsToldToThoseWhoAskForItsStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{Handlers: allHandlers})
	api := n.served(t)
	forms.Each(t, func(t *testing.T, form forms.Form) {
		one := "one " + string(form)
		w.register(t, one, in(form, step("s1"))...)
		told := func(c conduct) *sdk.StepExecutionResult {
			task := w.submit(t, n, one, map[string]conduct{"s1": c})
			require.Equal(t, "blocked_by_failures", w.taskState(t, task))
			s, err := api.GetStep(t.Context(), task, sdk.StepUUID(task, 0))
			require.NoError(t, err)
			require.Equal(t, "error", s.CurrentState)
			r, err := s.Result()
			require.NoError(t, err)
			require.False(t, r.Success)
			require.False(t, r.Error.Retryable)
			return r
		}
		refused := told(conduct{Return: "detailed error"})
		require.Equal(t, []any{"the card is blocked", "card_error", "CARD-7"}, []any{refused.Error.Message, refused.Error.ErrorType, refused.Metadata.ErrorCode})
		require.Equal(t, "1234", refused.Error.Context["card"])
		panicked := told(conduct{Panic: 9, Error: "boom"})
		require.Equal(t, "handler_panic", panicked.Error.ErrorType)
		require.NotEmpty(t, panicked.Error.Backtrace)
	})
}

// W7: the schema of the example keeps out what nobody could approve.
func TestARequestThatNobodyCouldApproveMakesNoTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t, role{})
	_, err := system.RegisterTemplates(t.Context(), n.system, []string{"../../examples/templates/approval.yaml"}, false)
	require.NoError(t, err)
	for input, problem := range map[string]string{
		`{"amount": 0, "requester": "ada", "purpose": "tea"}`:       "context/amount",
		`{"amount": -1, "requester": "ada", "purpose": "tea"}`:      "context/amount",
		`{"amount": 1000001, "requester": "ada", "purpose": "tea"}`: "context/amount",
		`{"amount": 1, "requester": "", "purpose": "tea"}`:          "context/requester",
		`{"amount": 1, "requester": "ada", "purpose": ""}`:          "context/purpose",
	} {
		_, err := n.submit(t.Context(), sdk.TaskRequest{Namespace: "conditional_approval", Name: "approval_routing", Version: "1.0.0", Context: []byte(input)})
		var refused *orchestration.RequestError
		require.ErrorAs(t, err, &refused, input)
		require.Len(t, refused.Problems, 1, input)
		require.Contains(t, refused.Problems[0], problem)
	}
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.tasks"))
}
