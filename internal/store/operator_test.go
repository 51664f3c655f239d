package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func by(task sdk.UUID, action string) store.Intervention {
	return store.Intervention{TaskUUID: task, Action: action, By: "ada", Reason: "the gateway is back"}
}

func (w *world) reset(t testing.TB, task sdk.UUID, steps ...int32) workflow.TaskState {
	t.Helper()
	to, err := w.Repair(t.Context(), by(task, "reset_for_retry"), func(r workflow.RepairTask) (*workflow.RepairPlan, error) {
		return workflow.ResetForRetry(r, steps...)
	})
	require.NoError(t, err)
	return to
}

func (w *world) resolve(t testing.TB, task sdk.UUID, no int32, result string) workflow.TaskState {
	t.Helper()
	i := by(task, "resolve_manually")
	if i.Step = no; result != "" {
		i.Action, i.Result, i.Outcome = "complete_manually", json.RawMessage(result), json.RawMessage(`{"metadata":{"custom":{"ticket":7}}}`)
	}
	to, err := w.Repair(t.Context(), i, func(r workflow.RepairTask) (*workflow.RepairPlan, error) {
		return workflow.ResolveStep(r, no, result != "")
	})
	require.NoError(t, err)
	return to
}

func (w *world) retryFrom(t testing.TB, task sdk.UUID, no int32) {
	t.Helper()
	_, err := w.Repair(t.Context(), by(task, "retry_from"), func(r workflow.RepairTask) (*workflow.RepairPlan, error) {
		return workflow.RetryFrom(r, no)
	})
	require.NoError(t, err)
}

// run claims what is queued, completes it, and returns the numbers of the steps in order, until nothing is left.
func (w *world) run(t testing.TB, l store.Lease) (ran []int32) {
	t.Helper()
	for {
		claimed := w.claim(t, l)
		if len(claimed) == 0 {
			return ran
		}
		for _, s := range claimed {
			ran = append(ran, s.StepNo)
			w.apply(t, store.Lease{}, outcome(s.TaskUUID, s.StepNo, s.Counts.Attempt, store.OutcomeComplete))
		}
	}
}

func (w *world) stateOf(t testing.TB, task sdk.UUID) workflow.TaskState {
	t.Helper()
	state, err := w.TaskState(t.Context(), task)
	require.NoError(t, err)
	return state
}

func TestAResetStepOfABlockedTaskRunsAgainAndTheTaskGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, diamond)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.apply(t, l, outcome(task, 0, 1, store.OutcomeComplete))
	w.apply(t, l, outcome(task, 1, 1, store.OutcomeError), outcome(task, 2, 1, store.OutcomeComplete))
	require.Equal(t, workflow.TaskBlockedByFailures, w.stateOf(t, task))

	require.Equal(t, workflow.TaskStepsInProcess, w.reset(t, task, 1))
	step, err := w.Step(t.Context(), task, sdk.StepUUID(task, 1))
	require.NoError(t, err)
	require.Equal(t, workflow.AttemptCounts{Attempt: 1, Forgiven: 1}, step.Counts, "all its attempts are there again")
	require.Equal(t, []int32{1, 3}, w.run(t, l))
	require.Equal(t, workflow.TaskComplete, w.stateOf(t, task))
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.step_transitions where path = '{error,pending,enqueued}'
		and detail = '{"action":"reset_for_retry","by":"ada","reason":"the gateway is back"}'`))
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.task_transitions
		where path = '{blocked_by_failures,evaluating_results,enqueuing_steps,steps_in_process}' and detail ->> 'by' = 'ada'`))
}

func TestADependantReadsWhatAStepWasCompletedWithByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.apply(t, l, outcome(task, 0, 1, store.OutcomeError))
	require.Equal(t, workflow.TaskStepsInProcess, w.resolve(t, task, 0, `{"total": 12}`))
	results, err := w.StepResults(t.Context(), task, []int32{0})
	require.NoError(t, err)
	require.JSONEq(t, `{"total": 12}`, string(results[0]))
	step, err := w.Step(t.Context(), task, sdk.StepUUID(task, 0))
	require.NoError(t, err)
	require.True(t, step.Results.Success)
	require.Equal(t, map[string]any{"ticket": json.Number("7")}, step.Results.Metadata.Custom)
	require.Equal(t, []int32{1, 2}, w.run(t, l))
	require.Equal(t, workflow.TaskComplete, w.stateOf(t, task))
}

func TestAStepThatWasResolvedByHandLetsItsDependantsGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	w.apply(t, l, outcome(task, 0, 1, store.OutcomeError))
	w.resolve(t, task, 0, "")
	require.Equal(t, []int32{1, 2}, w.run(t, l))

	last := w.create(t, w.register(t, single), w.worker(t, 1))
	require.Equal(t, workflow.TaskComplete, w.resolve(t, last, 0, ""), "the last step ends the task")
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.tasks where task_uuid = $1 and completed_at is not null`, last))
}

// TestARunningZombieCannotUndoWhatAnOperatorDid holds guarantee G17.
func TestARunningZombieCannotUndoWhatAnOperatorDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	for name, act := range map[string]func(task sdk.UUID){
		"completed":  func(task sdk.UUID) { w.resolve(t, task, 0, `{"by": "hand"}`) },
		"resolved":   func(task sdk.UUID) { w.resolve(t, task, 0, "") },
		"runs again": func(task sdk.UUID) { w.retryFrom(t, task, 0) },
	} {
		task := w.create(t, template, w.worker(t, 1))
		act(task)
		for _, kind := range []store.OutcomeKind{store.OutcomeComplete, store.OutcomeRetry, store.OutcomeError, store.OutcomeRelease,
			store.OutcomeCrash, store.OutcomeCrashOut, store.OutcomeRetryNow} {
			late := w.apply(t, store.Lease{}, outcome(task, 0, 1, kind))
			require.Equal(t, []int{0}, late.Stale, "%s, kind %d", name, kind)
		}
		require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.workflow_steps where task_uuid = $1 and step_no = 0
			and worker_id is null and coalesce(result, '{"by": "hand"}') = '{"by": "hand"}'`, task), name)
		w.run(t, w.worker(t, 10))
		require.Equal(t, workflow.TaskComplete, w.stateOf(t, task), name)
	}
}

func TestRetryFromAStepRunsItAndAllDownstreamAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, diamond)
	l := w.worker(t, 10)
	task := w.create(t, template, store.Lease{})
	require.Equal(t, []int32{0, 1, 2, 3}, w.run(t, l))
	w.retryFrom(t, task, 1)
	require.Equal(t, workflow.TaskStepsInProcess, w.stateOf(t, task))
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.tasks where completed_at is null and sinks_left = 1`))
	require.Equal(t, []int32{1, 3}, w.run(t, l))
	require.Equal(t, workflow.TaskComplete, w.stateOf(t, task))
	require.Equal(t, 2, w.db.Count(t, `select max(attempt) from tasker.workflow_steps where step_no = 3`))
	w.retryFrom(t, task, 0)
	require.Equal(t, []int32{0, 1, 2, 3}, w.run(t, l))
}

func TestAWaitingRetryThatIsRunNowDoesNotRunAgainAtItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 10)
	task := w.create(t, template, l)
	late := outcome(task, 0, 1, store.OutcomeRetry)
	late.Delay = time.Hour
	w.apply(t, l, late)
	require.Empty(t, w.claim(t, l))
	_, err := w.Repair(t.Context(), by(task, "run_now"), func(r workflow.RepairTask) (*workflow.RepairPlan, error) { return workflow.RunNow(r, 0) })
	require.NoError(t, err)
	w.db.Exec(t, "update tasker.step_timers set run_at = clock_timestamp()")
	_, err = w.FireTimers(t.Context())
	require.NoError(t, err)
	claimed := w.claim(t, l)
	require.Len(t, claimed, 1)
	require.EqualValues(t, 2, claimed[0].Counts.Attempt)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.step_transitions where path = '{waiting_for_retry,pending,enqueued}'"))
	w.apply(t, l, outcome(task, 0, 2, store.OutcomeComplete))
	require.Equal(t, workflow.TaskComplete, w.stateOf(t, task))
}

func TestActionsOnTasksThatRunLeaveTheBooksInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, diamond)
	l := w.worker(t, 50)
	var tasks []sdk.UUID
	for range 40 {
		tasks = append(tasks, w.create(t, template, store.Lease{}))
	}
	var g errgroup.Group
	done := make(chan struct{})
	for range 3 {
		g.Go(func() error {
			for {
				select {
				case <-done:
					return nil
				default:
				}
				steps, _, err := w.ClaimSteps(t.Context(), store.Lease{WorkerID: l.WorkerID, Handlers: l.Handlers, Budget: 5})
				if err != nil {
					return err
				}
				for n, s := range steps {
					kind := []store.OutcomeKind{store.OutcomeComplete, store.OutcomeRetryNow, store.OutcomeComplete, store.OutcomeCrash, store.OutcomeComplete}[n]
					for err := error(nil); ; {
						_, err = w.ApplyOutcomes(t.Context(), []store.Outcome{outcome(s.TaskUUID, s.StepNo, s.Counts.Attempt, kind)}, store.Lease{})
						if store.Classify(err) != store.RemedyRetry {
							if err != nil {
								return err
							}
							break
						}
					}
				}
			}
		})
	}
	for n, task := range tasks {
		if err := w.PauseTask(t.Context(), by(task, "pause")); err != nil {
			require.ErrorIs(t, err, store.ErrConflict, "it may be complete by now")
			continue
		}
		if n%2 == 0 {
			_, err := w.Repair(t.Context(), by(task, "retry_from"), func(r workflow.RepairTask) (*workflow.RepairPlan, error) { return workflow.RetryFrom(r, 0) })
			require.NoError(t, err)
			require.NoError(t, w.ResumeTask(t.Context(), by(task, "resume")))
		} else if err := w.ResumeTask(t.Context(), by(task, "resume")); err != nil {
			require.ErrorIs(t, err, store.ErrConflict, "the steps that ran when it was paused may have been its last")
		}
	}
	testkit.Eventually(t, func() bool {
		return w.db.Count(t, "select count(*) from tasker.tasks where state = 'complete'") == len(tasks)
	}, "a task was lost")
	close(done)
	require.NoError(t, g.Wait())
}
