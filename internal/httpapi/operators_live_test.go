package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// blockedOrder is a task whose second step has failed for good.
func blockedOrder(ctx context.Context, t *testing.T, c *client.Client) (task sdk.UUID, charge sdk.UUID) {
	t.Helper()
	made, err := c.CreateTask(ctx, order("stolen"))
	require.NoError(t, err)
	got, err := c.WaitTask(ctx, made.TaskUUID, 10*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, client.StatusBlockedByFailures, got.Status)
	return made.TaskUUID, sdk.StepUUID(made.TaskUUID, 1)
}

func requireStatus(t *testing.T, err error, status int, text string) {
	t.Helper()
	var e *client.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.StatusCode, e.Message)
	require.Contains(t, e.Message, text)
}

func TestAClientCompletesAFailedStepByHandAndTheTaskEnds(t *testing.T) {
	t.Parallel()
	c, _, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	task, charge := blockedOrder(ctx, t, c)

	action := client.NewAction(client.ActionCompleteManually, "ada", "paid in cash")
	_, err := c.ActOnStep(ctx, task, charge, action)
	requireStatus(t, err, http.StatusBadRequest, "completion_data.result is required")
	action.CompletionData = &client.ManualCompletionData{Result: json.RawMessage(`{"paid":true}`), Metadata: map[string]any{"receipt": "r7"}}
	step, err := c.ActOnStep(ctx, task, charge, action)
	require.NoError(t, err)
	require.Equal(t, "complete", step.CurrentState)
	result, err := step.Result()
	require.NoError(t, err)
	require.True(t, result.Success)
	require.JSONEq(t, `{"paid":true}`, string(result.Result))
	require.Equal(t, "r7", result.Metadata.Custom["receipt"])
	got, err := c.GetTask(ctx, task)
	require.NoError(t, err)
	require.Equal(t, client.StatusComplete, got.Status)
	require.NotNil(t, got.CompletedAt)

	audit, err := c.StepAudit(ctx, task, charge)
	require.NoError(t, err)
	last := audit[len(audit)-1]
	require.JSONEq(t, `{"action":"complete_manually","by":"ada","reason":"paid in cash"}`, string(last.Result))
	require.Equal(t, []string{"error", "complete"}, []string{*last.FromState, last.ToState})
	require.False(t, audit[0].Success)
	require.NotNil(t, audit[0].ExecutionTimeMS)

	_, err = c.ActOnStep(ctx, task, charge, client.NewAction(client.ActionResetForRetry, "ada", "again"))
	requireStatus(t, err, http.StatusConflict, "not possible now: only a step in state error can be reset, this one is complete")
	_, err = c.ActOnStep(ctx, task, charge, client.ManualAction{ActionType: client.ActionRetryFrom, Reason: "no name"})
	requireStatus(t, err, http.StatusBadRequest, "who acts is required")
	_, err = c.ActOnStep(ctx, task, sdk.NewUUID(), client.NewAction(client.ActionRetryFrom, "ada", "again"))
	requireStatus(t, err, http.StatusNotFound, "has no step")
}

func TestAClientResetsRunsAgainResolvesAndPauses(t *testing.T) {
	t.Parallel()
	c, _, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	task, charge := blockedOrder(ctx, t, c)
	for n, action := range []string{client.ActionResetForRetry, client.ActionRetryFrom} {
		_, err := c.ActOnStep(ctx, task, charge, client.NewAction(action, "ada", "try once more"))
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			step, err := c.GetStep(ctx, task, charge)
			require.NoError(t, err)
			audit, err := c.StepAudit(ctx, task, charge)
			require.NoError(t, err)
			return step.CurrentState == "error" && len(audit) >= 3*(n+1)
		}, time.Minute, 10*time.Millisecond)
	}
	_, err := c.ActOnStep(ctx, task, charge, client.NewAction(client.ActionRunNow, "ada", "now"))
	requireStatus(t, err, http.StatusConflict, "only a step that waits for its retry can be run now")

	paused, err := c.ActOnTask(ctx, task, client.NewAction(client.ActionPause, "ada", "wait"))
	require.NoError(t, err)
	require.NotNil(t, paused.PausedAt)
	_, err = c.ActOnTask(ctx, task, client.NewAction(client.ActionPause, "ada", "wait"))
	requireStatus(t, err, http.StatusConflict, "it is paused already")
	resumed, err := c.ActOnTask(ctx, task, client.NewAction(client.ActionResume, "ada", "go on"))
	require.NoError(t, err)
	require.Nil(t, resumed.PausedAt)
	resolved, err := c.ActOnTask(ctx, task, client.NewAction(client.ActionResolveManually, "ada", "refunded by hand"))
	require.NoError(t, err)
	require.Equal(t, client.StatusResolvedManually, resolved.Status)
	require.NotNil(t, resolved.CompletedAt)
	_, err = c.ActOnTask(ctx, sdk.NewUUID(), client.NewAction(client.ActionPause, "ada", "wait"))
	requireStatus(t, err, http.StatusNotFound, "there is no task")
	_, err = c.ActOnTask(ctx, task, client.NewAction("explode", "ada", "why not"))
	requireStatus(t, err, http.StatusBadRequest, `action_type "explode" is not one of pause, resume, resolve_manually`)
}

func TestAClientInvestigatesADeadLetterAndSendsItOnItsWay(t *testing.T) {
	t.Parallel()
	c, s, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	task, _ := blockedOrder(ctx, t, c)
	_, err := c.GetDLQEntry(ctx, sdk.NewUUID())
	requireStatus(t, err, http.StatusNotFound, "has no dead letter")
	var entry *client.DLQEntry
	require.Eventually(t, func() bool {
		_, err := s.Store.ReportBlockedTasks(ctx, 10) // as the server's own round does, once a second
		require.NoError(t, err)
		entry, err = c.GetDLQEntry(ctx, task)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, "permanent_failure", entry.DLQReason)
	require.Equal(t, client.DLQPending, entry.ResolutionStatus)
	require.Contains(t, string(entry.TaskSnapshot), "the card is stolen")

	notes := "asked the customer"
	entry, err = c.UpdateDLQEntry(ctx, entry.DLQEntryUUID, client.DLQUpdate{ResolutionNotes: &notes, Metadata: json.RawMessage(`{"ticket":7}`)})
	require.NoError(t, err)
	require.Equal(t, notes, *entry.ResolutionNotes)
	require.Nil(t, entry.ResolutionTimestamp)
	odd := "solved"
	_, err = c.UpdateDLQEntry(ctx, entry.DLQEntryUUID, client.DLQUpdate{ResolutionStatus: &odd})
	requireStatus(t, err, http.StatusBadRequest, `resolution_status "solved" is not one of pending`)

	list, err := c.ListDLQ(ctx, client.DLQPending, 10, 0)
	require.NoError(t, err)
	require.Len(t, list, 1)
	queue, err := c.DLQInvestigations(ctx, 0)
	require.NoError(t, err)
	require.Len(t, queue, 1)
	require.Equal(t, "order", *queue[0].TaskName)
	require.GreaterOrEqual(t, float64(queue[0].PriorityScore), 500.0)
	stats, err := c.DLQStats(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, stats[0].Pending)

	summary, err := c.TaskSummary(ctx, task)
	require.NoError(t, err)
	require.Equal(t, task, summary.Task.TaskUUID)
	require.Len(t, summary.Steps, 2)
	require.Equal(t, entry.DLQEntryUUID, summary.DLQ.DLQEntryUUID)
	require.Equal(t, "/v1/tasks/"+task.String()+"/workflow_steps", summary.Links["steps"])

	_, err = c.RequeueDLQEntry(ctx, entry.DLQEntryUUID, client.DLQRequeue{RequestedBy: "ada"})
	requireStatus(t, err, http.StatusBadRequest, "requested_by and reason are required")
	entry, err = c.RequeueDLQEntry(ctx, entry.DLQEntryUUID, client.DLQRequeue{RequestedBy: "ada", Reason: "a new card"})
	require.NoError(t, err)
	require.Equal(t, client.DLQManuallyResolved, entry.ResolutionStatus)
	_, err = c.RequeueDLQEntry(ctx, entry.DLQEntryUUID, client.DLQRequeue{RequestedBy: "ada", Reason: "a new card"})
	requireStatus(t, err, http.StatusConflict, "the entry is manually_resolved")
}

func TestARunningTaskKeepsTheContentOfItsTemplate(t *testing.T) {
	t.Parallel()
	c, s, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	old, err := c.CreateTask(ctx, order("slow"))
	require.NoError(t, err)
	_, err = s.Catalog.Register(ctx, template.New("shop", "order", "1.0.0", template.NewStep("validate", "validate")), true)
	require.NoError(t, err)
	request := order("good")
	request.IdempotencyKey = "by the new content"
	made, err := c.CreateTask(ctx, request)
	require.NoError(t, err)
	before, err := c.TaskSummary(ctx, old.TaskUUID)
	require.NoError(t, err)
	after, err := c.TaskSummary(ctx, made.TaskUUID)
	require.NoError(t, err)
	require.Len(t, before.Steps, 2)
	require.Len(t, after.Steps, 1)
	require.NotEmpty(t, before.TemplateContentHash)
	require.NotEqual(t, before.TemplateContentHash, after.TemplateContentHash)
	_, err = c.CancelTask(ctx, old.TaskUUID)
	require.NoError(t, err)
}

func TestTasksAreFoundByWhatTheirContextContains(t *testing.T) {
	t.Parallel()
	c, _, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, card := range []string{"good", "better"} {
		_, err := c.CreateTask(ctx, order(card))
		require.NoError(t, err)
	}
	found, err := c.ListTasks(ctx, client.TaskQuery{Context: `{"card":"better"}`, Namespace: "shop", Tags: []string{"better"}})
	require.NoError(t, err)
	require.Len(t, found.Tasks, 1)
	require.JSONEq(t, `{"card":"better"}`, string(found.Tasks[0].Context))
	none, err := c.ListTasks(ctx, client.TaskQuery{Context: `{"card":"best"}`})
	require.NoError(t, err)
	require.Empty(t, none.Tasks)
	_, err = c.ListTasks(ctx, client.TaskQuery{Context: `{`})
	requireStatus(t, err, http.StatusBadRequest, "context: ")
}

func TestAClientSeesHowLongOpenTasksHaveNotMoved(t *testing.T) {
	t.Parallel()
	c, _, _ := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	made, err := c.CreateTask(ctx, order("slow"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		open, err := c.Staleness(ctx, 10)
		require.NoError(t, err)
		return len(open) == 1 && open[0].CurrentState == "steps_in_process" && open[0].HealthStatus == "healthy" &&
			open[0].StalenessThresholdMinutes == 30 && open[0].TaskUUID == made.TaskUUID
	}, time.Minute, 10*time.Millisecond)
	_, err = c.CancelTask(ctx, made.TaskUUID)
	require.NoError(t, err)
}

func TestAClientSeesHowThingsGo(t *testing.T) {
	t.Parallel()
	c, s, base := startLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	blockedOrder(ctx, t, c)
	made, err := c.CreateTask(ctx, order("good"))
	require.NoError(t, err)
	_, err = c.WaitTask(ctx, made.TaskUUID, 10*time.Millisecond)
	require.NoError(t, err)

	p, err := c.Performance(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, []int64{2, 0, 1, 1}, []int64{p.TotalTasks, p.ActiveTasks, p.CompletedTasks, p.FailedTasks})
	require.Equal(t, []client.Float{0.5, 0.5, 0.5}, []client.Float{p.CompletionRate, p.ErrorRate, p.SystemHealthScore})
	require.EqualValues(t, 2, p.TasksPerHour)
	b, err := c.Bottlenecks(ctx, 10, 1)
	require.NoError(t, err)
	require.Len(t, b.SlowSteps, 2)
	require.Len(t, b.SlowTasks, 1)
	require.EqualValues(t, 2, b.ResourceUtilization.SystemHealth["total_tasks"])
	require.NotEmpty(t, b.Recommendations)

	scrape := func() string {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return string(text)
	}
	for _, line := range []string{
		"tasker_tasks_blocked 1", "tasker_tasks_completions_total 1", "tasker_tasks_failures_total 1", "tasker_steps_results_processed_total 4",
	} { // results are counted after they are committed
		testkit.Eventually(t, func() bool { return strings.Contains(scrape(), "\n"+line+"\n") }, "there is no "+line)
	}
	require.NotContains(t, scrape(), s.Store.DSN())
}
