package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// long is a time that nothing in a test is old by itself.
const long = 24 * time.Hour

// madeAgo is a task's UUID as it would have been made some time ago.
func madeAgo(d time.Duration) sdk.UUID {
	id, ms := sdk.NewUUID(), time.Now().Add(-d).UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	return id
}

// old makes a task that was made two days ago; its end, if it has one, is to be set by finish.
func (w *world) old(t testing.TB, template int32, l store.Lease) sdk.UUID {
	t.Helper()
	task := taskOf(template)
	task.TaskUUID = madeAgo(2 * long)
	task.IdentityHash = task.TaskUUID[:]
	_, err := w.CreateTasks(t.Context(), []store.NewTask{task}, l)
	require.NoError(t, err)
	return task.TaskUUID
}

// sweep removes until there is nothing more to look at.
func (w *world) sweep(t testing.TB, batch int) (removed int) {
	t.Helper()
	after := sdk.UUID{}
	for {
		last, n, err := w.RemoveTasks(t.Context(), after, long, batch)
		require.NoError(t, err)
		if removed += n; last == (sdk.UUID{}) {
			return removed
		}
		after = last
	}
}

func TestTasksThatEndedLongAgoAreRemovedWithAllThatIsKeptOfThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, chain)
	l := w.worker(t, 100)
	kept := map[string]sdk.UUID{"it runs": w.old(t, template, l)}
	blocked := w.old(t, template, l)
	w.apply(t, l, outcome(blocked, 0, 1, store.OutcomeError))
	kept["it is blocked"] = blocked
	letter := w.old(t, template, l)
	w.apply(t, l, outcome(letter, 0, 1, store.OutcomeError))
	_, err := w.ReportBlockedTasks(t.Context(), 10)
	require.NoError(t, err)
	_, err = w.Repair(t.Context(), by(letter, "give_up"), workflow.GiveUp)
	require.NoError(t, err)
	kept["it is under investigation"] = letter

	const gone = 7
	for range gone {
		task := w.old(t, template, store.Lease{})
		_, err := w.CancelTask(t.Context(), task, "ada", "")
		require.NoError(t, err)
	}
	young := w.create(t, template, store.Lease{})
	_, err = w.CancelTask(t.Context(), young, "ada", "")
	require.NoError(t, err)
	kept["it ended just now"] = young
	w.db.Exec(t, `update tasker.tasks set completed_at = completed_at - interval '2 days' where completed_at is not null and task_uuid <> $1`, young)

	require.Equal(t, gone, w.sweep(t, 3))
	require.Zero(t, w.sweep(t, 3))
	for why, task := range kept {
		require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.tasks where task_uuid = $1`, task), why)
	}
	require.Equal(t, len(kept), w.db.Count(t, `select count(*) from tasker.tasks`))
	for _, table := range []string{"workflow_steps", "step_transitions", "task_transitions", "task_claims", "step_timers", "ready_steps"} {
		require.Zero(t, w.db.Count(t, `select count(*) from tasker.`+table+` x where not exists (select from tasker.tasks t where t.task_uuid = x.task_uuid)`), table)
	}
	resolved := store.DLQManuallyResolved
	entry, err := w.DeadLetterOf(t.Context(), letter)
	require.NoError(t, err)
	require.NoError(t, w.UpdateDeadLetter(t.Context(), entry.ID, store.DeadLetterUpdate{Status: &resolved}))
	require.Equal(t, 1, w.sweep(t, 100), "its investigation is over")
	_, err = w.DeadLetter(t.Context(), entry.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestOldEventsWorkersTemplatesAndArchivesAreRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		require.NoError(t, w.PublishDomainEvents(t.Context(), "n", []store.DomainEvent{{EventID: sdk.NewUUID(), Name: "a.b", Body: json.RawMessage(`{}`)}}))
	}
	w.db.Exec(t, `update tasker.domain_events set published_at = published_at - interval '2 days' where id <= 3`)
	inUse, unused := w.register(t, single), w.register(t, single)
	w.create(t, inUse, store.Lease{})
	w.db.Exec(t, `update tasker.task_templates set superseded_at = clock_timestamp() - interval '2 days'`)
	stopped := w.worker(t, 1)
	w.worker(t, 1)
	require.NoError(t, w.StopWorker(t.Context(), stopped.WorkerID))
	w.db.Exec(t, `update tasker.workers set stopped_at = stopped_at - interval '2 days'`)
	w.db.Exec(t, `create schema pgmq; create table pgmq.a_worker_n_queue (msg_id bigint, archived_at timestamptz);
		insert into pgmq.a_worker_n_queue select n, clock_timestamp() - n * interval '20 hours' from generate_series(1, 4) n`)

	removed, err := w.RemoveDomainEvents(t.Context(), long, 2)
	require.NoError(t, err)
	require.Equal(t, 2, removed)
	removed, err = w.RemoveDomainEvents(t.Context(), long, 2)
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	require.Equal(t, 2, w.db.Count(t, "select count(*) from tasker.domain_events"))

	removed, err = w.RemoveRemains(t.Context(), long)
	require.NoError(t, err)
	require.Equal(t, 2, removed, "a template and a worker")
	_, err = w.TemplateByID(t.Context(), unused)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.TemplateByID(t.Context(), inUse)
	require.NoError(t, err)

	removed, err = w.RemoveArchived(t.Context(), long, 2)
	require.NoError(t, err)
	require.Equal(t, 2, removed)
	require.Equal(t, 2, w.db.Count(t, "select count(*) from pgmq.a_worker_n_queue"))
}
