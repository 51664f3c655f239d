package cli_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// fails runs the program, wants this exit code, and returns what it said.
func (w *world) fails(code int, args ...string) string {
	w.t.Helper()
	a := w.run(args...)
	require.Equal(w.t, code, a.code, a.stdout+a.stderr)
	return a.stderr
}

// failing makes a task whose second step fails for good.
func (w *world) failing() string {
	w.t.Helper()
	id := w.create("test/mixed", "--input", `{"n":99}`)
	require.Eventually(w.t, func() bool { return w.taskStatus(id) == client.StatusBlockedByFailures }, time.Minute, 20*time.Millisecond)
	return id
}

func (w *world) taskStatus(id string) string {
	w.t.Helper()
	var task client.TaskResponse
	require.NoError(w.t, json.Unmarshal([]byte(w.must("task", "get", id, "--output", "json")), &task))
	return task.Status
}

func TestAFailedStepIsRepairedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	w := withWorker(t)
	id := w.failing()
	out := w.must("task", "step", id, "shaky")
	require.Contains(t, out, "shaky  error")
	require.Contains(t, out, "enqueued_as_error_for_orchestration")

	require.Contains(t, w.fails(2, "task", "reset-step", id, "shaky"), "reason")
	require.Contains(t, w.fails(2, "task", "reset-step", id, "shakey", "--reason", "x"), "it has first, shaky")
	require.Equal(t, "step shaky is complete\n", w.must("task", "complete-step", id, "shaky", "--reason", "done by hand", "--by", "ada", "--result", `{"n":1}`))
	require.Equal(t, client.StatusComplete, w.taskStatus(id))
	require.Contains(t, w.must("task", "step-audit", id, "shaky"), `{"by":"ada","action":"complete_manually","reason":"done by hand"}`)
	require.Contains(t, w.fails(1, "task", "run-now", id, "shaky", "--reason", "x"), "only a step that waits for its retry can be run now")
	require.Contains(t, w.must("task", "retry-from", id, "first", "--reason", "once more"), "step first is ")
	require.Eventually(t, func() bool { return w.taskStatus(id) == client.StatusBlockedByFailures }, time.Minute, 20*time.Millisecond)
	require.Contains(t, w.must("task", "pause", id, "--reason", "wait"), "is blocked_by_failures and paused\n")
	require.Contains(t, w.must("task", "resume", id, "--reason", "go on"), "is blocked_by_failures\n")
	require.Contains(t, w.must("task", "resolve-step", id, "shaky", "--reason", "not needed"), "step shaky is resolved_manually")
	require.Equal(t, client.StatusComplete, w.taskStatus(id))
	other := w.failing()
	require.Contains(t, w.must("task", "resolve", other, "--reason", "not needed"), "is resolved_manually")
}

func TestADeadLetterIsWorkedOffFromTheCommandLine(t *testing.T) {
	t.Parallel()
	w := withWorker(t)
	id := w.failing()
	s, err := store.Open(t.Context(), w.db.DSN(), store.Options{})
	require.NoError(t, err)
	defer s.Close()
	_, err = s.ReportBlockedTasks(t.Context(), 10) // as a server does once a second
	require.NoError(t, err)

	var entries []client.DLQEntry
	require.NoError(t, json.Unmarshal([]byte(w.must("dlq", "list", "--status", "pending", "--output", "json")), &entries))
	require.Len(t, entries, 1)
	entry := entries[0].DLQEntryUUID.String()
	require.Contains(t, w.must("dlq", "list"), entry)
	require.Contains(t, w.must("dlq", "get", id), "max_retries_exceeded")
	require.Contains(t, w.must("dlq", "queue"), entry)
	require.Contains(t, w.must("dlq", "stats"), "max_retries_exceeded  1")
	require.Contains(t, w.must("dlq", "staleness"), "TASK")
	require.Contains(t, w.must("dlq", "update", entry, "--notes", "the gateway was away"), "the gateway was away")
	out := w.must("dlq", "requeue", entry, "--reason", "the gateway is back", "--by", "ada")
	require.Contains(t, out, "manually_resolved")
	require.Contains(t, out, "ada")
	require.Contains(t, w.fails(1, "dlq", "requeue", entry, "--reason", "again"), "the entry is manually_resolved")
	other := w.create("test/mixed", "--wait", "--input", `{"n":1}`)
	require.Contains(t, w.must("dlq", "add", other, "--reason", "the total looks odd"), "manual_dlq")
	require.Contains(t, w.fails(2, "dlq", "update", "nonsense", "--notes", "x"), "is not an entry's UUID")
}
