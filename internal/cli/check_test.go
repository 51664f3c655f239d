package cli_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckFindsNothingInASoundDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, "the database holds what it must\n", w.must("check"))
	require.JSONEq(t, `{"violations": []}`, w.must("check", "--output", "json"))
}

func TestCheckNamesWhatIsBrokenAndExitsWithOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.Exec(t, `insert into tasker.step_timers (run_at, task_uuid, step_no, attempt) values (now(), '019b0000-0000-7000-8000-000000000001', 3, 1)`)
	text := w.run("check")
	require.Equal(t, 1, text.code)
	require.Equal(t, `references: what a row refers to is there
  task 019b0000-0000-7000-8000-000000000001 step 3: step_timers has a row for no step
1 violation
`, text.stdout)
	require.Empty(t, text.stderr)

	asJSON := w.run("check", "-o", "json")
	require.Equal(t, 1, asJSON.code)
	var found struct{ Violations []map[string]string }
	require.NoError(t, json.Unmarshal([]byte(asJSON.stdout), &found))
	require.Equal(t, []map[string]string{{
		"check": "references", "rule": "what a row refers to is there", "task_uuid": "019b0000-0000-7000-8000-000000000001",
		"step": "3", "found": "step_timers has a row for no step",
	}}, found.Violations)
}
