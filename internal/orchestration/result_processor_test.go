package orchestration_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestWhatBecomesOfAStepAfterAnAttempt(t *testing.T) {
	t.Parallel()
	hint := func(seconds uint32) *sdk.StepExecutionResult {
		r := failure(true)
		r.OrchestrationMetadata = &sdk.OrchestrationMetadata{BackoffHint: &sdk.BackoffHint{DelaySeconds: seconds}}
		return r
	}
	retries := func(change func(*template.RetryConfiguration)) template.StepDefinition {
		s := step("a")
		change(&s.Retry)
		return s
	}
	for name, tt := range map[string]struct {
		step   template.StepDefinition
		end    *sdk.StepExecutionResult // nil gives the attempt back
		fails  int                      // attempts that failed before
		state  workflow.StepState
		delay  time.Duration
		reason string
	}{
		"a success":                             {step: step("a"), end: success(), state: workflow.StepComplete},
		"a success in the last attempt":         {step: step("a"), end: success(), fails: 2, state: workflow.StepComplete},
		"a failure that may go away":            {step: step("a"), end: failure(true), state: workflow.StepEnqueued},
		"a failure of the last attempt but one": {step: step("a"), end: failure(true), fails: 1, state: workflow.StepEnqueued},
		"a failure of the last attempt":         {step: step("a"), end: failure(true), fails: 2, state: workflow.StepError, reason: "all 3 attempts are used up"},
		"a failure that stays":                  {step: step("a"), end: failure(false), state: workflow.StepError, reason: "permanent failure"},
		"an attempt given back":                 {step: step("a"), state: workflow.StepEnqueued},
		"a failure, with a backoff":             {step: retries(func(r *template.RetryConfiguration) { r.Backoff, r.BackoffBaseMS = workflow.BackoffExponential, 60_000 }), end: failure(true), state: workflow.StepWaitingForRetry, delay: time.Minute},
		"a failure, with a backoff that grows": {step: retries(func(r *template.RetryConfiguration) {
			r.Backoff, r.BackoffBaseMS, r.MaxBackoffMS = workflow.BackoffLinear, 600_000, 1e9
		}), end: failure(true), state: workflow.StepWaitingForRetry, delay: 10 * time.Minute},
		"a failure, and the server asked to wait": {step: step("a"), end: hint(90), state: workflow.StepWaitingForRetry, delay: 90 * time.Second},
		"a server asks to wait far too long":      {step: step("a"), end: hint(1 << 31), state: workflow.StepWaitingForRetry, delay: time.Hour},
		"a server asks not to wait":               {step: step("a"), end: hint(0), state: workflow.StepEnqueued},
		"the template allows no retry":            {step: retries(func(r *template.RetryConfiguration) { r.Retryable = false }), end: failure(true), state: workflow.StepError, reason: "the template allows no retry"},
		"the template allows one attempt":         {step: retries(func(r *template.RetryConfiguration) { r.MaxAttempts = 1 }), end: failure(true), state: workflow.StepError, reason: "all 1 attempts are used up"},
		"the template allows none, which is one":  {step: retries(func(r *template.RetryConfiguration) { r.MaxAttempts = 0 }), end: failure(true), state: workflow.StepError, reason: "all 1 attempts are used up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register(t, "any", template.IdentityStrict, tt.step)
			task := w.create(t, "any")
			for range tt.fails {
				w.process(t, store.Lease{}, results(failure(true), w.claim(t)...)...)
			}
			claimed := w.claim(t)
			require.Len(t, claimed, 1)
			before := time.Now()
			require.Empty(t, w.process(t, store.Lease{}, results(tt.end, claimed...)...).Stale)

			got := w.step(t, task, 0)
			require.Equal(t, tt.state, got.State)
			if tt.delay > 0 {
				require.WithinDuration(t, before.Add(tt.delay), *got.RunAt, 10*time.Second)
			}
			if tt.reason != "" {
				require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.workflow_steps where outcome ->> 'reason' = $1`, tt.reason))
				require.Equal(t, workflow.TaskBlockedByFailures, w.state(t, task))
			}
			if tt.end == nil {
				require.EqualValues(t, 1, got.Counts.Forgiven)
			}
		})
	}
}

func TestAFailureIsKeptWithAllThatWasSaidOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	task := w.create(t, "any")
	end := failure(false)
	end.Metadata.ExecutionTimeMS, end.Metadata.ErrorCode = 123, "E42"
	end.Metadata.Custom = map[string]any{"big": json.Number("9007199254740993")}
	end.Error.Backtrace = []string{"here", "there"}
	w.process(t, store.Lease{}, results(end, w.claim(t)...)...)
	kept := w.step(t, task, 0).Results
	require.NotNil(t, kept)
	require.False(t, kept.Success)
	require.Equal(t, end.Error, kept.Error)
	require.Equal(t, "E42", kept.Metadata.ErrorCode)
	require.EqualValues(t, 123, kept.Metadata.ExecutionTimeMS)
	require.Equal(t, "9007199254740993", kept.Metadata.Custom["big"].(json.Number).String())
}

func TestABatchMayMixTasksTemplatesAndEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "chain", template.IdentityStrict, step("a"), step("b", "a"))
	w.register(t, "single", template.IdentityStrict, step("only"))
	first, second, third := w.create(t, "chain"), w.create(t, "single"), w.create(t, "chain")
	ends := map[sdk.UUID]*sdk.StepExecutionResult{first: success(), second: success(), third: failure(true)}
	var all []workflow.AttemptResult
	for _, c := range w.claim(t) {
		all = append(all, results(ends[c.TaskUUID], c)...)
	}
	late := all[0]
	late.Counts.Attempt = 7
	applied := w.process(t, w.lease(t), append(all, late)...)
	require.Equal(t, []int{3}, applied.Stale)
	require.Len(t, applied.Leased, 1)
	require.Equal(t, first, applied.Leased[0].TaskUUID)
	require.Equal(t, []store.EndedTask{{TaskUUID: second, State: workflow.TaskComplete}}, applied.Ended)
	require.Equal(t, workflow.StepEnqueued, w.step(t, third, 0).State)

	again := w.process(t, w.lease(t), all...)
	require.Empty(t, again.Stale, "the answer may have been lost")
	require.Empty(t, again.Leased)
}

func TestAResultByATemplateThatDoesNotHaveItsStepIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registered := w.register(t, "any", template.IdentityStrict, step("a"))
	for _, r := range []workflow.AttemptResult{
		{TaskUUID: sdk.NewUUID(), TemplateID: registered.ID, StepNo: 1, Result: success()},
		{TaskUUID: sdk.NewUUID(), TemplateID: registered.ID + 1000, Result: success()},
	} {
		_, err := actor.Ask(t.Context(), w.ResultProcessorActor.Handle, orchestration.ProcessStepResultMessage{Results: []workflow.AttemptResult{r}})
		require.Error(t, err)
	}
}

func TestFinalizingATaskSaysWhatItDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"), step("b"))
	task := w.create(t, "any")
	finalize := func() orchestration.FinalizationResult {
		r, err := actor.Ask(t.Context(), w.TaskFinalizerActor.Handle, orchestration.FinalizeTaskMessage{TaskUUID: task})
		require.NoError(t, err)
		return r
	}
	// resolve ends a step as an operator would in the database.
	resolve := func(no int32, from, to workflow.StepState) {
		w.db.Exec(t, `insert into tasker.step_transitions (task_uuid, step_no, attempt, path)
			values ($1, $2, 1, array[$3, $4]::tasker.step_state[])`, task, no, string(from), string(to))
		w.db.Exec(t, `update tasker.workflow_steps set state = $3::text::tasker.step_state, worker_id = null where task_uuid = $1 and step_no = $2`, task, no, string(to))
	}
	want := orchestration.FinalizationResult{TaskUUID: task, Action: orchestration.FinalizationNoAction, From: workflow.TaskStepsInProcess, To: workflow.TaskStepsInProcess}
	require.Equal(t, want, finalize())
	w.claim(t)
	resolve(0, workflow.StepInProgress, workflow.StepError)
	want.Action, want.To = orchestration.FinalizationFailed, workflow.TaskBlockedByFailures
	require.Equal(t, want, finalize())
	resolve(0, workflow.StepError, workflow.StepResolvedManually)
	want.Action, want.From, want.To = orchestration.FinalizationReenqueued, workflow.TaskBlockedByFailures, workflow.TaskStepsInProcess
	require.Equal(t, want, finalize())
	resolve(1, workflow.StepInProgress, workflow.StepResolvedManually)
	want.Action, want.From, want.To = orchestration.FinalizationCompleted, workflow.TaskStepsInProcess, workflow.TaskComplete
	require.Equal(t, want, finalize())
	want.Action, want.From = orchestration.FinalizationNoAction, workflow.TaskComplete
	require.Equal(t, want, finalize())

	_, err := actor.Ask(t.Context(), w.TaskFinalizerActor.Handle, orchestration.FinalizeTaskMessage{TaskUUID: sdk.NewUUID()})
	require.ErrorIs(t, err, store.ErrNotFound)
}
