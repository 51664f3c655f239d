package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestATaskIsReadAsItWasMade(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	var made store.NewTask
	id := w.create(t, func(n *store.NewTask) {
		n.Priority, n.ParentCorrelationID = 5, sdk.NewUUID()
		n.Initiator, n.SourceSystem, n.Reason, n.Tags = "ada", "web", "a test", []string{"b", "a \"quoted\" one"}
		n.RequestedAt = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
		made = *n
	})
	got := w.task(t, id)
	require.Equal(t, id, got.TaskUUID)
	require.Equal(t, w.template, got.TemplateID)
	require.Equal(t, []string{"shop", "order", "1.0.0"}, []string{got.Namespace, got.Name, got.Version})
	require.Equal(t, []string{"ada", "web", "a test"}, []string{got.Initiator, got.SourceSystem, got.Reason})
	require.Equal(t, made.Tags, got.Tags)
	require.EqualValues(t, 5, got.Priority)
	require.Equal(t, made.CorrelationID, got.CorrelationID)
	require.Equal(t, made.ParentCorrelationID, got.ParentCorrelationID)
	require.JSONEq(t, `{"cart":7}`, string(got.Context))
	require.True(t, made.RequestedAt.Equal(got.RequestedAt))
	require.False(t, got.UpdatedAt.Before(got.CreatedAt))
	require.Nil(t, got.StartAt)
	require.Nil(t, got.CompletedAt)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 4, Pending: 3, InProgress: 1}, got.Counts)

	bare := w.task(t, w.create(t, nil))
	require.Empty(t, bare.Initiator+bare.SourceSystem+bare.Reason)
	require.Empty(t, bare.Tags)
	require.Zero(t, bare.ParentCorrelationID)
}

func TestTheCountsOfATaskFollowItsSteps(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	before := w.task(t, id)
	w.complete(t, id, validateStep)
	require.Equal(t, []int32{chargeStep, reserveStep}, w.claim(t, id))
	got := w.task(t, id)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 4, Pending: 1, InProgress: 2, Completed: 1}, got.Counts)
	require.True(t, got.UpdatedAt.After(before.UpdatedAt), "steps that move are news of the task")

	w.apply(t, id, store.Outcome{StepNo: chargeStep, Attempt: 1, Kind: store.OutcomeRetry, Delay: time.Hour})
	require.Equal(t, workflow.TaskStepsInProcess, w.task(t, id).Counts.VisibleState(), "another step runs")
	w.apply(t, id, store.Outcome{StepNo: reserveStep, Attempt: 1, Kind: store.OutcomeComplete})
	got = w.task(t, id)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskStepsInProcess, Total: 4, Pending: 1, Completed: 2, WaitingForRetry: 1}, got.Counts)
	require.Equal(t, workflow.TaskWaitingForRetry, got.Counts.VisibleState())

	w.db.Exec(t, "update tasker.workflow_steps set run_at = clock_timestamp() where run_at is not null")
	require.Equal(t, workflow.TaskStepsInProcess, w.task(t, id).Counts.VisibleState(), "its retry is due")
	require.EqualValues(t, 1, w.task(t, id).Counts.Ready)
	w.db.Exec(t, "update tasker.step_timers set run_at = clock_timestamp()")
	_, err := w.FireTimers(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int32{chargeStep}, w.claim(t, id))
	w.apply(t, id, store.Outcome{StepNo: chargeStep, Attempt: 2, Kind: store.OutcomeComplete})
	w.complete(t, id, shipStep)
	got = w.task(t, id)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskComplete, Total: 4, Completed: 4}, got.Counts)
	require.NotNil(t, got.CompletedAt)
}

func TestADelayedTaskIsNotReady(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, func(n *store.NewTask) { n.Delay = time.Hour })
	got := w.task(t, id)
	require.Equal(t, workflow.TaskExecutionContext{State: workflow.TaskPending, Total: 4, Pending: 4}, got.Counts)
	require.WithinDuration(t, w.clock(t).Add(time.Hour), *got.StartAt, time.Minute)
	step := w.step(t, id, validateStep)
	require.False(t, step.ReadyForExecution())
	require.Equal(t, got.StartAt, step.RunAt)
	require.Equal(t, got.CreatedAt, step.UpdatedAt)
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id, stranger := w.create(t, nil), sdk.NewUUID()
	_, err := w.Task(t.Context(), stranger)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.Steps(t.Context(), stranger, true)
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, step := range []sdk.UUID{sdk.StepUUID(id, 4), sdk.StepUUID(stranger, 0), id} {
		_, err = w.Step(t.Context(), id, step)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
}

func TestPagesOfTasks(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	var newest []sdk.UUID
	for i := range 7 {
		newest = append(newest, w.create(t, func(n *store.NewTask) { n.Initiator = fmt.Sprint("i", i%2) }))
	}
	slices.Reverse(newest)
	ids := func(page store.TaskPage) (ids []sdk.UUID) {
		for _, task := range page.Tasks {
			ids = append(ids, task.TaskUUID)
			require.Equal(t, *w.task(t, task.TaskUUID), task)
		}
		return ids
	}
	for name, tt := range map[string]struct {
		filter store.TaskFilter
		want   []sdk.UUID
		total  int64
	}{
		"the first":              {store.TaskFilter{Limit: 3}, newest[:3], 7},
		"the second":             {store.TaskFilter{Limit: 3, Offset: 3}, newest[3:6], 7},
		"the last":               {store.TaskFilter{Limit: 3, Offset: 6}, newest[6:], 7},
		"beyond the last":        {store.TaskFilter{Limit: 3, Offset: 7}, nil, 7},
		"of a filter":            {store.TaskFilter{Limit: 2, Initiator: "i0"}, []sdk.UUID{newest[0], newest[2]}, 4},
		"of a filter, later":     {store.TaskFilter{Limit: 2, Offset: 2, Initiator: "i0"}, []sdk.UUID{newest[4], newest[6]}, 4},
		"of one that none meets": {store.TaskFilter{Limit: 2, Initiator: "nobody"}, nil, 0},
	} {
		page, err := w.Tasks(t.Context(), tt.filter)
		require.NoError(t, err, name)
		require.Equal(t, tt.total, page.Total, name)
		require.Equal(t, tt.want, ids(page), name)
	}
}

func TestFiltersPickTasks(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	other := w.register(t, "depot", "restock", "2.0.0", "")
	named := map[string]sdk.UUID{}
	add := func(name string, change func(*store.NewTask)) sdk.UUID {
		named[name] = w.create(t, change)
		return named[name]
	}
	add("pending", func(n *store.NewTask) { n.Delay = time.Hour })
	cancelled := add("cancelled", nil)
	_, err := w.CancelTask(t.Context(), cancelled, "ada", "")
	require.NoError(t, err)
	add("other template", func(n *store.NewTask) { n.TemplateID, n.SourceSystem = other, "erp" })
	add("tagged", func(n *store.NewTask) { n.Tags = []string{"eu", "vip"} })
	add("half tagged", func(n *store.NewTask) { n.Tags = []string{"eu"} })
	failed, retrying := add("failed", nil), add("retrying", nil)
	require.Equal(t, []int32{validateStep}, w.claim(t, failed))
	w.apply(t, failed, store.Outcome{StepNo: validateStep, Attempt: 1, Kind: store.OutcomeError})
	w.apply(t, retrying, store.Outcome{StepNo: validateStep, Attempt: 1, Kind: store.OutcomeRetry, Delay: time.Hour})

	for name, tt := range map[string]struct {
		filter store.TaskFilter
		want   []string
	}{
		"by nothing":   {store.TaskFilter{}, []string{"cancelled", "failed", "half tagged", "other template", "pending", "retrying", "tagged"}},
		"by namespace": {store.TaskFilter{Namespace: "depot"}, []string{"other template"}},
		"by name":      {store.TaskFilter{Name: "restock"}, []string{"other template"}},
		"by both":      {store.TaskFilter{Namespace: "shop", Name: "restock"}, nil},
		"by source":    {store.TaskFilter{SourceSystem: "erp"}, []string{"other template"}},
		"by a tag":     {store.TaskFilter{Tags: []string{"eu"}}, []string{"half tagged", "tagged"}},
		"by two tags":  {store.TaskFilter{Tags: []string{"vip", "eu"}}, []string{"tagged"}},
		"pending":      {store.TaskFilter{States: []workflow.TaskState{workflow.TaskPending}}, []string{"pending"}},
		"in process":   {store.TaskFilter{States: []workflow.TaskState{workflow.TaskStepsInProcess}}, []string{"half tagged", "other template", "tagged"}},
		"retrying":     {store.TaskFilter{States: []workflow.TaskState{workflow.TaskWaitingForRetry}}, []string{"retrying"}},
		"blocked":      {store.TaskFilter{States: []workflow.TaskState{workflow.TaskBlockedByFailures}}, []string{"failed"}},
		"cancelled":    {store.TaskFilter{States: []workflow.TaskState{workflow.TaskCancelled}}, []string{"cancelled"}},
		"complete":     {store.TaskFilter{States: []workflow.TaskState{workflow.TaskComplete}}, nil},
		"in any of several": {store.TaskFilter{States: []workflow.TaskState{workflow.TaskWaitingForRetry, workflow.TaskCancelled}},
			[]string{"cancelled", "retrying"}},
		"by state and namespace": {store.TaskFilter{Namespace: "shop", States: []workflow.TaskState{workflow.TaskStepsInProcess}},
			[]string{"half tagged", "tagged"}},
	} {
		tt.filter.Limit = 50
		page, err := w.Tasks(t.Context(), tt.filter)
		require.NoError(t, err, name)
		var got []string
		for _, task := range page.Tasks {
			for as, id := range named {
				if id == task.TaskUUID {
					got = append(got, as)
				}
			}
		}
		slices.Sort(got)
		require.Equal(t, tt.want, got, name)
		require.EqualValues(t, len(tt.want), page.Total, name)
	}
}

func TestEveryVisibleStateCanBeFilteredBy(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	for _, state := range workflow.TaskStates {
		w.db.Exec(t, "update tasker.tasks set state = $1::text::tasker.task_state", string(state))
		for _, by := range workflow.TaskStates {
			page, err := w.Tasks(t.Context(), store.TaskFilter{Limit: 10, States: []workflow.TaskState{by}})
			require.NoError(t, err)
			require.Equal(t, by == w.task(t, id).Counts.VisibleState(), page.Total == 1, "a task in %s, by %s", state, by)
		}
	}
}

func TestTemplatesAndNamespacesAreListed(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	w.register(t, "depot", "restock", "2.0.0", "")
	old := w.register(t, "depot", "restock", "1.0.0", "")
	w.db.Exec(t, "update tasker.task_templates set superseded_at = now() where template_id = $1", old)

	order := store.TemplateSummary{Namespace: "shop", Name: "order", Version: "1.0.0", Description: "An order", Steps: 4}
	restock := store.TemplateSummary{Namespace: "depot", Name: "restock", Version: "2.0.0", Steps: 4}
	all, err := w.Templates(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []store.TemplateSummary{restock, order}, all)
	some, err := w.Templates(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, []store.TemplateSummary{order}, some)

	namespaces, err := w.Namespaces(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []store.NamespaceSummary{{Name: "depot", Templates: 1}, {Name: "shop", Templates: 1}}, namespaces)
	namespaces, err = w.Namespaces(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, []store.NamespaceSummary{{Name: "shop", Templates: 1}}, namespaces)
}

func TestWorkersAreListedWithTheirState(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	lost, err := w.RegisterWorker(t.Context(), store.WorkerRegistration{Name: "w2", Slots: 1, Lease: time.Minute})
	require.NoError(t, err)
	w.db.Exec(t, "update tasker.workers set lease_until = now() - interval '1 second' where worker_id = $1", lost)
	stopped, err := w.RegisterWorker(t.Context(), store.WorkerRegistration{Name: "w3", Slots: 1, Lease: time.Minute})
	require.NoError(t, err)
	require.NoError(t, w.StopWorker(t.Context(), stopped))
	require.NoError(t, w.Heartbeat(t.Context(), w.worker, 3))

	states := func(withStopped bool) map[string]store.WorkerState {
		workers, err := w.Workers(t.Context(), withStopped)
		require.NoError(t, err)
		states := map[string]store.WorkerState{}
		for _, worker := range workers {
			states[worker.Name] = worker.State
		}
		return states
	}
	require.Equal(t, map[string]store.WorkerState{"w1": store.WorkerLive, "w2": store.WorkerLost}, states(false))
	require.Equal(t, map[string]store.WorkerState{"w1": store.WorkerLive, "w2": store.WorkerLost, "w3": store.WorkerStopped}, states(true))

	workers, err := w.Workers(t.Context(), false)
	require.NoError(t, err)
	first := workers[0]
	require.True(t, first.LeaseUntil.After(first.HeartbeatAt) && !first.HeartbeatAt.Before(first.StartedAt))
	first.StartedAt, first.HeartbeatAt, first.LeaseUntil = time.Time{}, time.Time{}, time.Time{}
	require.Equal(t, store.WorkerView{
		ID: w.worker, Name: "w1", Hostname: "host", Version: "1.2.3", PID: 42, Namespaces: []string{"shop"}, Slots: 10, Busy: 3,
		State: store.WorkerLive,
	}, first)
}

func TestAQueueSaysWhyItWaits(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	queue := func() store.QueueView {
		queues, err := w.Queues(t.Context())
		require.NoError(t, err)
		require.Len(t, queues, 1)
		return queues[0]
	}
	before := w.clock(t)
	w.create(t, nil)
	w.create(t, nil)
	q := queue()
	require.True(t, q.Oldest.After(before) && q.Oldest.Before(w.clock(t)))
	q.Oldest = time.Time{}
	require.Equal(t, store.QueueView{Namespace: "shop", Callable: "shop.validate", Ready: 2, Workers: 1, Slots: 10, Offered: true}, q)
	require.Empty(t, q.Reason())

	require.NoError(t, w.Heartbeat(t.Context(), w.worker, 10))
	q = queue()
	require.Equal(t, "all 10 slots of the live workers are busy", q.Reason())

	w.db.Exec(t, "update tasker.handlers set offered_at = null")
	q = queue()
	require.Equal(t, `no worker has offered handler "shop.validate" in namespace "shop"`, q.Reason())

	w.db.Exec(t, "update tasker.workers set namespaces = '{depot}'")
	q = queue()
	require.Equal(t, `no live worker serves namespace "shop"`, q.Reason())

	w.db.Exec(t, "update tasker.workers set namespaces = '{}', stopped_at = now()")
	q = queue()
	require.Equal(t, `no live worker serves namespace "shop"`, q.Reason())
}

func TestTheHistoryOfAStepShowsEachMove(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	require.Equal(t, []int32{validateStep}, w.claim(t, id))
	w.apply(t, id, store.Outcome{StepNo: validateStep, Attempt: 1, Kind: store.OutcomeRetryNow, ExecutionTimeMS: 7,
		Detail: json.RawMessage(`{"error":{"message":"boom","retryable":true}}`)})
	w.complete2(t, id)

	first := validateStep
	moves, err := w.StepHistory(t.Context(), id, &first)
	require.NoError(t, err)
	var got []string
	for i, m := range moves {
		require.Equal(t, "validate", m.StepName)
		require.False(t, i > 0 && m.At.Before(moves[i-1].At))
		line := fmt.Sprintf("%s>%s %d %q", m.From, m.To, m.Attempt, m.Worker)
		if m.ExecutionTimeMS != nil {
			line += fmt.Sprintf(" %dms", *m.ExecutionTimeMS)
		}
		got = append(got, line+string(m.Detail))
	}
	require.Equal(t, []string{
		`pending>enqueued 0 ""`,
		`enqueued>in_progress 1 "w1"`,
		`in_progress>enqueued_as_error_for_orchestration 1 "w1" 7ms`,
		`enqueued_as_error_for_orchestration>waiting_for_retry 1 "w1"`,
		`waiting_for_retry>pending 1 "w1"`,
		`pending>enqueued 1 "w1"{"error": {"message": "boom", "retryable": true}}`,
		`enqueued>in_progress 2 "w1"`,
		`in_progress>enqueued_for_orchestration 2 "w1" 9ms`,
		`enqueued_for_orchestration>complete 2 "w1"`,
	}, got)

	all, err := w.StepHistory(t.Context(), id, nil)
	require.NoError(t, err)
	require.Len(t, all, len(moves)+2, "charge and reserve were queued")
	none, err := w.StepHistory(t.Context(), sdk.NewUUID(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

// complete2 runs the second attempt of the first step to its end.
func (w *readWorld) complete2(t *testing.T, id sdk.UUID) {
	t.Helper()
	require.Equal(t, []int32{validateStep}, w.claim(t, id))
	w.apply(t, id, store.Outcome{StepNo: validateStep, Attempt: 2, Kind: store.OutcomeComplete, Result: json.RawMessage(`1`), ExecutionTimeMS: 9})
}
