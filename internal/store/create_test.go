package store_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestCreateLeasesAsManyRootsAsTheAskerHasSlotsForAndQueuesTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, shape{{}, {}, {}, {0, 1, 2}})
	l := w.worker(t, 2)
	ready := w.listen(t, "tasker_ready")

	task := taskOf(template)
	created, err := w.CreateTasks(t.Context(), []store.NewTask{task}, l)
	require.NoError(t, err)
	require.Empty(t, created.Existing)
	require.Len(t, created.Leased, 2)
	leased := map[int32]bool{}
	for _, s := range created.Leased {
		leased[s.StepNo] = true
		require.Equal(t, task.TaskUUID, s.TaskUUID)
		require.Equal(t, workflow.AttemptCounts{Attempt: 1}, s.Counts)
		require.Equal(t, w.handlers[0], s.HandlerID)
		row := w.step(t, task.TaskUUID, s.StepNo)
		require.Equal(t, stepRow{State: workflow.StepInProgress, Attempt: 1, Worker: l.WorkerID}, row)
		require.Equal(t, []string{"pending enqueued in_progress"}, w.trail(t, task.TaskUUID, s.StepNo))
	}
	for no := range int32(3) {
		if !leased[no] {
			require.Equal(t, stepRow{State: workflow.StepEnqueued, Queued: 1}, w.step(t, task.TaskUUID, no))
			require.Equal(t, []string{"pending enqueued"}, w.trail(t, task.TaskUUID, no))
		}
	}
	require.Equal(t, stepRow{State: workflow.StepPending, WaitingOn: 3}, w.step(t, task.TaskUUID, 3))
	require.Empty(t, w.trail(t, task.TaskUUID, 3))
	require.Equal(t, workflow.TaskStepsInProcess, w.taskState(t, task.TaskUUID))
	require.Equal(t, []string{"pending initializing enqueuing_steps steps_in_process"}, w.taskTrail(t, task.TaskUUID))
	require.Len(t, ready.heard(t), 1)
}

func TestCreateTellsNobodyWhenEverythingWasTakenAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, diamond)
	ready := w.listen(t, "tasker_ready")
	w.create(t, template, w.worker(t, 1))
	require.Empty(t, ready.heard(t))
}

func TestCreateTellsOnceForEachHandlerHoweverManyTasksThereAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, roots(4), func(no int) string { return []string{"even", "odd"}[no%2] })
	ready := w.listen(t, "tasker_ready")
	_, err := w.CreateTasks(t.Context(), tasksOf(template, 20), store.Lease{})
	require.NoError(t, err)
	require.Len(t, ready.heard(t), 2)
	require.Equal(t, 80, w.db.Count(t, "select count(*) from tasker.ready_steps"))
}

func TestCreateLeasesNothingToAWorkerThatMayHaveNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, w *world, l *store.Lease){
		"there is no worker":       func(_ *testing.T, _ *world, l *store.Lease) { l.WorkerID = 0 },
		"the worker is unknown":    func(_ *testing.T, _ *world, l *store.Lease) { l.WorkerID += 1000 },
		"it has no slot":           func(_ *testing.T, _ *world, l *store.Lease) { l.Budget = 0 },
		"it serves nothing":        func(_ *testing.T, _ *world, l *store.Lease) { l.Handlers = nil },
		"it serves other handlers": func(_ *testing.T, _ *world, l *store.Lease) { l.Handlers = []int32{l.Handlers[0] + 1000} },
		"its lease has run out":    func(t *testing.T, w *world, l *store.Lease) { w.expire(t, l.WorkerID) },
		"it has stopped": func(t *testing.T, w *world, l *store.Lease) {
			require.NoError(t, w.StopWorker(t.Context(), l.WorkerID))
		},
		"the task is to start later": func(*testing.T, *world, *store.Lease) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			task := taskOf(w.register(t, roots(2)))
			l := w.worker(t, 10)
			change(t, w, &l)
			if name == "the task is to start later" {
				task.Delay = time.Hour
			}
			created, err := w.CreateTasks(t.Context(), []store.NewTask{task}, l)
			require.NoError(t, err)
			require.Empty(t, created.Leased)
			require.Zero(t, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'in_progress' or worker_id is not null"))
			require.Zero(t, w.db.Count(t, "select count(*) from tasker.task_claims"))
		})
	}
}

func TestATaskIsMadeOnceForAnIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	batch := tasksOf(template, 4)
	batch[2].IdentityHash = batch[0].IdentityHash
	first, err := w.CreateTasks(t.Context(), batch[:3], store.Lease{})
	require.NoError(t, err)
	require.Equal(t, map[int]sdk.UUID{2: batch[0].TaskUUID}, first.Existing)

	again := tasksOf(template, 3)
	again[1].IdentityHash = batch[1].IdentityHash
	again[2].IdentityHash = batch[3].IdentityHash
	second, err := w.CreateTasks(t.Context(), again, store.Lease{})
	require.NoError(t, err)
	require.Equal(t, map[int]sdk.UUID{1: batch[1].TaskUUID}, second.Existing)
	require.Equal(t, 4, w.db.Count(t, "select count(*) from tasker.tasks"))
	require.Equal(t, 4, w.db.Count(t, "select count(*) from tasker.workflow_steps"))
	require.Equal(t, 4, w.db.Count(t, "select count(*) from tasker.ready_steps"))
}

func TestOfTasksMadeAtTheSameTimeWithOneIdentityOneWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, diamond)
	l := w.worker(t, 100)
	const makers, identities = 8, 25
	winners := make([][]sdk.UUID, makers)
	var g errgroup.Group
	for m := range makers {
		g.Go(func() error {
			batch := tasksOf(template, identities)
			for i := range batch {
				batch[i].IdentityHash = []byte{byte(i)}
			}
			created, err := w.CreateTasks(t.Context(), batch, l)
			if store.Classify(err) == store.RemedyRetry { // makers may lock one another out; the statement is fenced by identity
				created, err = w.CreateTasks(t.Context(), batch, l)
			}
			for i := range batch {
				winner := batch[i].TaskUUID
				if other, ok := created.Existing[i]; ok {
					winner = other
				}
				winners[m] = append(winners[m], winner)
			}
			return err
		})
	}
	require.NoError(t, g.Wait())
	for m := range makers {
		require.Equal(t, winners[0], winners[m])
	}
	require.Equal(t, identities, w.db.Count(t, "select count(*) from tasker.tasks"))
	require.Equal(t, 4*identities, w.db.Count(t, "select count(*) from tasker.workflow_steps"))
}

func TestCreatingABatchAgainAfterALostAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, diamond)
	l := w.worker(t, 3)
	batch := tasksOf(template, 5)
	batch[4].IdentityHash = batch[1].IdentityHash
	first, err := w.CreateTasks(t.Context(), batch, l)
	require.NoError(t, err)
	require.Len(t, first.Leased, 3)
	before := w.everything(t)

	second, err := w.CreateTasks(t.Context(), batch, l)
	require.NoError(t, err)
	require.Empty(t, second.Leased)
	require.Equal(t, first.Existing, second.Existing)
	require.Equal(t, map[int]sdk.UUID{4: batch[1].TaskUUID}, second.Existing)
	require.Equal(t, before, w.everything(t))

	held, err := w.HeldSteps(t.Context(), l.WorkerID) // what the lost answer would have named
	require.NoError(t, err)
	require.Len(t, held, 3)
}

func TestADelayedTaskWaitsForItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	task := taskOf(w.register(t, diamond))
	task.Delay = time.Hour
	_, err := w.CreateTasks(t.Context(), []store.NewTask{task}, w.worker(t, 10))
	require.NoError(t, err)
	require.Equal(t, workflow.TaskPending, w.taskState(t, task.TaskUUID))
	require.Equal(t, []string{"pending"}, w.taskTrail(t, task.TaskUUID))
	require.Equal(t, stepRow{State: workflow.StepPending, Timers: 1}, w.step(t, task.TaskUUID, 0))
	require.Equal(t, stepRow{State: workflow.StepPending, WaitingOn: 1}, w.step(t, task.TaskUUID, 1))
	until, ok, err := w.NextTimer(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	require.InDelta(t, time.Hour, until, float64(time.Minute))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.tasks where start_at > clock_timestamp() + interval '59 minutes'"))
}

func TestABatchOfManyTasksSharesTheBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, shape{{}, {}, {0, 1}})
	l := w.worker(t, 151)
	batch := tasksOf(template, 300)
	created, err := w.CreateTasks(t.Context(), batch, l)
	require.NoError(t, err)
	require.Len(t, created.Leased, 151)
	require.Equal(t, 900, w.db.Count(t, "select count(*) from tasker.workflow_steps"))
	require.Equal(t, 600-151, w.db.Count(t, "select count(*) from tasker.ready_steps"))
	require.Equal(t, 151, w.db.Count(t, "select count(*) from tasker.workflow_steps where worker_id = $1", l.WorkerID))
	tasks := map[sdk.UUID]bool{}
	for _, s := range created.Leased {
		tasks[s.TaskUUID] = true
	}
	require.Equal(t, len(tasks), w.db.Count(t, "select count(*) from tasker.task_claims where worker_id = $1", l.WorkerID))
}

func TestATaskKeepsWhatItWasCreatedWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	task := taskOf(w.register(t, single))
	task.Priority, task.ParentCorrelationID = -7, sdk.NewUUID()
	task.Initiator, task.SourceSystem, task.Reason = "ada", `sh"op`, "naïve – 漢字 🙂"
	task.Tags = []string{"plain", `a "quoted" one`, `back\slash`, "a, comma", "{braces}", "null", " ", "naïve 🙂"}
	task.Context = json.RawMessage(`{"big": 123456789012345678901234567890.5, "nested": [{"a": null}, "\ud83d\ude42"]}`)
	task.RequestedAt = time.Date(2020, 2, 29, 23, 59, 59, 123456000, time.FixedZone("", 7200))
	bare := taskOf(task.TemplateID)
	bare.Context = json.RawMessage(`[]`)
	_, err := w.CreateTasks(t.Context(), []store.NewTask{task, bare}, store.Lease{})
	require.NoError(t, err)

	view, err := w.Task(t.Context(), task.TaskUUID)
	require.NoError(t, err)
	require.Equal(t, task.Initiator, view.Initiator)
	require.Equal(t, task.SourceSystem, view.SourceSystem)
	require.Equal(t, task.Reason, view.Reason)
	require.Equal(t, task.Tags, view.Tags)
	require.True(t, task.RequestedAt.Equal(view.RequestedAt))
	raw, err := w.TaskContext(t.Context(), task.TaskUUID)
	require.NoError(t, err)
	require.JSONEq(t, string(task.Context), string(raw))
	require.Contains(t, string(raw), "123456789012345678901234567890.5")

	steps := w.claim(t, w.worker(t, 10))
	require.Len(t, steps, 2)
	at := slices.IndexFunc(steps, func(s store.ClaimedStep) bool { return s.TaskUUID == task.TaskUUID })
	require.Equal(t, store.TaskHeader{
		TaskUUID: task.TaskUUID, TemplateID: task.TemplateID, CorrelationID: task.CorrelationID,
		ParentCorrelationID: task.ParentCorrelationID, Priority: -7, Context: raw,
	}, steps[at].Task)
	require.Zero(t, steps[1-at].Task.ParentCorrelationID)
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.tasks
		where parent_correlation_id is null and initiator is null and source_system is null and reason is null and tags = '{}'`))
}

func TestATaskWithoutStepsIsCompleteFromTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	task := w.create(t, w.register(t, shape{}), store.Lease{})
	require.Equal(t, workflow.TaskComplete, w.taskState(t, task))
	require.Equal(t, []string{"pending initializing complete"}, w.taskTrail(t, task))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.tasks where completed_at is not null"))
}

func TestABatchWithAContextThatCannotBeStoredMakesNothing(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{
		"a NUL":            `{"a": "\u0000"}`,
		"a lone surrogate": `{"a": "\ud800"}`,
		"not UTF-8":        "{\"a\": \"\xff\"}",
		"too large number": `{"a": 1e200000}`,
		"no JSON":          `{"a": NaN}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			batch := tasksOf(w.register(t, single), 2)
			batch[1].Context = json.RawMessage(bad)
			_, err := w.CreateTasks(t.Context(), batch, store.Lease{})
			require.Equal(t, store.RemedyRefuse, store.Classify(err), "%v", err)
			require.ErrorContains(t, err, "create 2 tasks")
			require.Zero(t, w.db.Count(t, "select count(*) from tasker.tasks"))
		})
	}
}
