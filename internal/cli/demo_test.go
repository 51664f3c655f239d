package cli_test

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// changeLine is a line of --output json.
type changeLine struct {
	Type     string                     `json:"type"`
	TaskUUID string                     `json:"task_uuid"`
	Step     string                     `json:"step"`
	Status   string                     `json:"status"`
	Attempt  int                        `json:"attempt"`
	Error    string                     `json:"error"`
	Results  map[string]json.RawMessage `json:"results"`
}

func readChanges(t *testing.T, output string) []changeLine {
	t.Helper()
	var all []changeLine
	for line := range strings.Lines(output) {
		var c changeLine
		require.NoError(t, json.Unmarshal([]byte(line), &c), line)
		all = append(all, c)
	}
	require.NotEmpty(t, all)
	return all
}

func TestTheDemoEndsWithAFinishedTask(t *testing.T) {
	t.Parallel()
	a := newWorld(t).run("demo", "--output", "json", "--pace", "120ms", "--lease", "1m")
	require.Equal(t, 0, a.code, a.stderr)
	require.Empty(t, a.stderr)
	all := readChanges(t, a.stdout)
	last := all[len(all)-1]
	require.Equal(t, "task", last.Type)
	require.Equal(t, "complete", last.Status)
	require.Len(t, last.Results, 4)
	require.JSONEq(t, `{"total_cents":4498,"item_count":3}`, string(last.Results["validate_cart"]))
	var payment changeLine
	for _, c := range all {
		require.Equal(t, last.TaskUUID, c.TaskUUID)
		if c.Step == "process_payment" {
			payment = c
		}
		if c.Error != "" { // of the moves between two looks only the last one is seen
			require.Equal(t, changeLine{
				Type: "step", TaskUUID: last.TaskUUID, Step: "process_payment", Status: "waiting_for_retry", Attempt: 1,
				Error: "the payment gateway did not answer",
			}, c)
		}
	}
	require.Equal(t, changeLine{Type: "step", TaskUUID: last.TaskUUID, Step: "process_payment", Status: "complete", Attempt: 2}, payment)
}

func TestTheDemoShowsPeopleWhatTheStepsReturned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.must("demo", "--pace", "10ms", "--lease", "1m")
	require.Contains(t, out, "All state is kept in the configured database.")
	require.Regexp(t, `\+\d+\.\d\ds  process_payment    complete +took \d+\.\d\ds\n`, out)
	require.Regexp(t, `\+\d+\.\d\ds  task               complete +4 of 4 steps\n`, out)
	require.Regexp(t, `process_payment    complete  2/5 +\d+\.\d\ds  {"currency":"EUR","payment_id":"pay_[0-9a-f]{12}","amount_cents":4498}\n`, out)
	require.Equal(t, 0, w.db.Count(t, `select count(*) from tasker.workers where stopped_at is null`))
}

func TestADemoThatWasKilledIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.start("demo", "--output", "json", "--pace", "1m")
	var begun changeLine
	require.NoError(t, json.Unmarshal([]byte(first.stdout.await(t, `"step":"validate_cart"`)), &begun))
	first.signal(syscall.SIGKILL)
	require.Equal(t, -1, first.wait())

	out := w.must("demo", "--pace", "10ms")
	require.Contains(t, out, "An earlier demo left task "+begun.TaskUUID+" unfinished. Now it goes on:\n")
	require.Equal(t, 2, strings.Count(out, "4 of 4 steps"))
	require.Equal(t, 2, w.db.Count(t, `select count(*) from tasker.tasks where state = 'complete'`))
	require.NotContains(t, w.must("demo", "--pace", "10ms"), "An earlier demo")
}

func TestAnInterruptedDemoGivesItsStepBackAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	demo := w.start("demo", "--pace", "1m")
	demo.stdout.await(t, "in_progress")
	demo.signal(syscall.SIGINT)
	require.Equal(t, 130, demo.wait())
	require.Contains(t, demo.stdout.String(), " demo' again, and the order goes on where it stopped.")
	require.Equal(t, "tasker: interrupted", demo.stderr.String())
	require.Equal(t, 0, w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'in_progress'`))
	require.Equal(t, 1, w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'enqueued'`))
}
