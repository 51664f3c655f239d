package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

var (
	begun = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	order = sdk.UUID{15: 1}
)

func after(d time.Duration) sdk.Timestamp { return sdk.At(begun.Add(d)) }

// taskAt is a task of so many steps, some of them complete.
func taskAt(status string, moved time.Duration, completed, all int64) *client.TaskResponse {
	return &client.TaskResponse{
		TaskUUID: order, Namespace: "shop", Name: "order", Version: "1.0.0", Status: status,
		CreatedAt: after(0), UpdatedAt: after(moved), CompletedSteps: completed, TotalSteps: all,
	}
}

// stepAt is a step that last moved then.
func stepAt(no byte, name, state string, attempts int32, moved time.Duration) client.StepResponse {
	return client.StepResponse{
		StepUUID: sdk.UUID{14: 1, 15: no}, TaskUUID: order, Name: name, CurrentState: state, Attempts: attempts, MaxAttempts: 3, UpdatedAt: after(moved),
	}
}

// returned adds the record of an attempt of 1.5 seconds.
func returned(s client.StepResponse, failure string) client.StepResponse {
	r := sdk.StepExecutionResult{Success: failure == "", Result: json.RawMessage(`{"paid":true}`), Metadata: sdk.StepExecutionMetadata{ExecutionTimeMS: 1500}}
	if failure != "" {
		r.Error = &sdk.StepExecutionError{Message: failure}
	}
	s.Results, _ = json.Marshal(r)
	return s
}

func TestALineIsWrittenForEachChangeAndOnlyForThose(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v := &lineView{out: &out}
	check, pay := stepAt(0, "check", "in_progress", 1, 10*time.Millisecond), stepAt(1, "pay", "pending", 0, 0)
	show := func(task *client.TaskResponse, steps ...client.StepResponse) {
		require.NoError(t, v.show(&snapshot{task, steps}))
	}
	show(taskAt("steps_in_process", 10*time.Millisecond, 0, 2), check, pay)
	show(taskAt("steps_in_process", 10*time.Millisecond, 0, 2), check, pay)
	check = returned(stepAt(0, "check", "complete", 1, 1510*time.Millisecond), "")
	pay = stepAt(1, "pay", "in_progress", 1, 1511*time.Millisecond)
	show(taskAt("steps_in_process", 1511*time.Millisecond, 1, 2), check, pay)
	pay = returned(stepAt(1, "pay", "waiting_for_retry", 1, 3*time.Second), "no\nanswer\x1b[31m")
	due := after(5 * time.Second)
	pay.NextRetryAt = &due
	show(taskAt("waiting_for_retry", 3*time.Second, 1, 2), check, pay)
	pay.CurrentState, pay.Attempts, pay.UpdatedAt = "in_progress", 2, due
	show(taskAt("steps_in_process", 5*time.Second, 1, 2), check, pay)
	pay = returned(stepAt(1, "pay", "error", 2, 90*time.Second), "declined")
	show(taskAt("blocked_by_failures", 90*time.Second, 1, 2), check, pay)
	require.Equal(t, `  +0.00s  task   pending            shop/order@1.0.0  00000000-0000-0000-0000-000000000001
  +0.01s  check  in_progress
  +1.51s  check  complete           took 1.50s
  +1.51s  pay    in_progress
  +3.00s  pay    waiting_for_retry  attempt 1 of 3 failed, again in 2.00s: no answer [31m
  +5.00s  pay    in_progress        attempt 2 of 3
  +1m30s  pay    error              attempt 2 of 3 failed: declined
  +1m30s  task   blocked_by_failures  1 of 2 steps
`, out.String())
}

func TestTheLastLineOfJSONHoldsTheResultsOfStepsThatSucceeded(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v := &jsonView{out: &out}
	require.NoError(t, v.show(&snapshot{taskAt("cancelled", 2*time.Second, 1, 2), []client.StepResponse{
		returned(stepAt(0, "check", "complete", 1, time.Second), ""), returned(stepAt(1, "pay", "cancelled", 1, 2*time.Second), "declined"),
	}}))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	require.JSONEq(t, `{"type":"task","at":"2026-01-31T12:00:02.000000Z","task_uuid":"00000000-0000-0000-0000-000000000001","status":"cancelled",
		"duration_ms":2000,"results":{"check":{"paid":true}}}`, lines[3])
}

// screen draws on a terminal of 60 by so many lines, two seconds after the task began.
func screen(out *bytes.Buffer, height int) *screenView {
	return &screenView{out: out, size: func() (int, int) { return 60, height }, now: func() time.Time { return begun.Add(2 * time.Second) }}
}

func TestAPictureHasALineForTheTaskAndEachStep(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	due, tried := after(2500*time.Millisecond), after(time.Second)
	wait := returned(stepAt(2, "wait", "waiting_for_retry", 1, 0), "a reason that is longer than what is left of the line")
	wait.NextRetryAt = &due
	run := stepAt(3, "run", "in_progress", 2, 0)
	run.LastAttemptedAt = &tried
	later := stepAt(4, "later", "pending", 0, 0)
	later.TotalParents, later.CompletedParents = 3, 1
	v := screen(&out, 24)
	require.NoError(t, v.show(&snapshot{taskAt("steps_in_process", 0, 1, 6), []client.StepResponse{
		returned(stepAt(0, "done", "complete", 1, 0), ""), returned(stepAt(1, "hard", "complete", 2, 0), ""), wait, run, later,
		stepAt(5, "off", "cancelled", 0, 0),
	}}))
	require.Equal(t, "\x1b[J"+`shop/order@1.0.0  1/6 steps  2.00s  00000000-0000-0000-0000…
✔ done   1.50s
✔ hard   1.50s  (2 attempts)
↻ wait   failed, again in 0.50s: a reason that is longer th…
⠋ run    1.00s  attempt 2 of 3
· later  waits for 2 steps
⊘ off    cancelled
`, out.String())
}

func TestAPictureIsDrawnOverTheLastOne(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v := screen(&out, 24)
	s := &snapshot{taskAt("steps_in_process", 0, 0, 1), []client.StepResponse{stepAt(0, "one", "in_progress", 1, 0)}}
	require.NoError(t, v.show(s))
	first := out.Len()
	require.NoError(t, v.show(s))
	require.True(t, strings.HasPrefix(out.String()[first:], "\x1b[2A\r\x1b[J"), "two lines up, then erased")
}

func TestAPictureThatDoesNotFitShowsWhatMovesBeforeWhatIsDone(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var steps []client.StepResponse
	for i := range byte(20) {
		state := "complete"
		if i >= 10 {
			state = "pending"
		}
		steps = append(steps, stepAt(i, "s"+string('a'+rune(i)), state, 1, 0))
	}
	steps[9] = stepAt(9, "busy", "in_progress", 1, 0)
	require.NoError(t, screen(&out, 8).show(&snapshot{taskAt("steps_in_process", 0, 9, 20), steps}))
	require.Contains(t, out.String(), "⠋ busy  2.00s\n· sk    waits\n· sl    waits\n· sm    waits\n· sn    waits\n  … and 15 steps more\n")
}

func TestNamesFromOutsideCannotTakeOverTheTerminal(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a [2Jb c", printable("a\x1b[2Jb\nc"))
	require.Equal(t, "a\nb ", printableLines("a\nb\a"))
}

func TestVersionsAreOrderedByTheirNumbers(t *testing.T) {
	t.Parallel()
	sorted := []string{"0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.2.0", "1.10.0+build.7", "2.0.0"}
	for i := range sorted {
		for j := range sorted {
			require.Equal(t, sign(i-j), sign(compareVersions(sorted[i], sorted[j])), "%s and %s", sorted[i], sorted[j])
		}
	}
}

func sign(n int) int { return min(max(n, -1), 1) }

func TestATableIsCutToTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	list := newTable("NAME", "TEXT")
	list.add("é", "a longer text than fits")
	require.NoError(t, list.print(&out, 16))
	require.Equal(t, "NAME  TEXT\né     a longer …\n", out.String())
}
