package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// dataWorld has a task of which the first steps are complete, in the database alone.
func dataWorld(t *testing.T) (*world, *TaskData) {
	t.Helper()
	w := newWorld(t, 10)
	tt := w.register(t, step("a"), step("b", "a"), step("c", "a"), step("d", "b"), step("e", "c", "d"))
	id := w.create(t, tt, 1, w.Keeper.Lease(10))[0]
	for _, no := range []int32{0, 1, 2} {
		applied, err := w.store.ApplyOutcomes(t.Context(), []store.Outcome{{
			TaskUUID: id, StepNo: no, Attempt: 1, Kind: store.OutcomeComplete, Result: json.RawMessage(`{"no": ` + string('0'+no) + `}`),
		}}, w.Keeper.Lease(10))
		require.NoError(t, err)
		require.Empty(t, applied.Stale)
	}
	held, err := w.store.HeldSteps(t.Context(), w.Keeper.WorkerID())
	require.NoError(t, err)
	require.Len(t, held, 1)
	return w, newTaskData(w.store, tt, held[0].Task)
}

func numberOf(t *testing.T, d *TaskData, name string) int32 {
	t.Helper()
	no, ok := d.Template.StepNumber(name)
	require.True(t, ok)
	return no
}

func load(t *testing.T, d *TaskData, step string, names ...string) map[string]json.RawMessage {
	t.Helper()
	found, err := d.loadResults(t.Context(), numberOf(t, d, step), names)
	require.NoError(t, err)
	return found
}

func TestAStepSeesTheResultsOfItsAncestorsAndOfNobodyElse(t *testing.T) {
	t.Parallel()
	_, d := dataWorld(t)
	all := []string{"a", "b", "c", "d", "e", "unknown"}
	keys := func(found map[string]json.RawMessage) (names []string) {
		for _, name := range all {
			if _, ok := found[name]; ok {
				names = append(names, name)
			}
		}
		return names
	}
	require.Empty(t, load(t, d, "a", all...))
	require.Equal(t, []string{"a"}, keys(load(t, d, "b", all...)))
	require.Equal(t, []string{"a", "b"}, keys(load(t, d, "d", all...)))
	require.Equal(t, []string{"a", "b", "c"}, keys(load(t, d, "e", all...)), "d has none yet")
	for name, raw := range load(t, d, "e", "a", "b", "c") {
		var r struct{ No int32 }
		require.NoError(t, json.Unmarshal(raw, &r))
		require.Equal(t, numberOf(t, d, name), r.No)
	}
	require.Empty(t, load(t, d, "e"))
}

func TestWhatWasReadOrAcceptedOnceIsNotReadAgain(t *testing.T) {
	t.Parallel()
	w, d := dataWorld(t)
	d.keep(numberOf(t, d, "b"), json.RawMessage(`{"accepted": "here"}`))
	require.JSONEq(t, `{"no": 0}`, string(load(t, d, "d", "a", "b")["a"]))
	raw, err := d.loadContext(t.Context())
	require.NoError(t, err)
	require.JSONEq(t, `{"n": 7}`, string(raw))
	w.db.Exec(t, "alter table tasker.workflow_steps rename to hidden_steps; alter table tasker.tasks rename to hidden_tasks")
	again := load(t, d, "d", "a", "b")
	require.JSONEq(t, `{"no": 0}`, string(again["a"]))
	require.JSONEq(t, `{"accepted": "here"}`, string(again["b"]))
	_, err = d.loadContext(t.Context())
	require.NoError(t, err)
	_, err = d.loadResults(t.Context(), numberOf(t, d, "e"), []string{"c"})
	require.Error(t, err, "this one was not read before")
	w.db.Exec(t, "alter table tasker.hidden_steps rename to workflow_steps; alter table tasker.hidden_tasks rename to tasks")
}

func TestLargeResultsAreNotKeptInMemory(t *testing.T) {
	t.Parallel()
	d := newTaskData(nil, nil, store.TaskHeader{})
	result := func(size int) json.RawMessage { return bytes.Repeat([]byte{'7'}, size) }
	d.keep(0, result(maxKeptResult))
	d.keep(1, result(maxKeptResult+1))
	require.Len(t, d.results, 1)
	for no := range int32(100) {
		d.keep(no+10, result(maxKeptResult))
	}
	total := 0
	for _, r := range d.results {
		total += len(r)
	}
	require.LessOrEqual(t, total, maxKeptTotal)
	require.Greater(t, total, maxKeptTotal-maxKeptResult)
	d.keep(5000, result(1))
	require.NotContains(t, d.results, int32(5000))
}

func TestTheContextOfATaskThatWasJustMadeIsAtHand(t *testing.T) {
	t.Parallel()
	d := newTaskData(nil, nil, store.TaskHeader{Context: json.RawMessage(`{"at": "hand"}`)})
	raw, err := d.loadContext(t.Context())
	require.NoError(t, err)
	require.JSONEq(t, `{"at": "hand"}`, string(raw))
}

func TestManyStepsOfATaskMayLoadAtOnce(t *testing.T) {
	t.Parallel()
	_, d := dataWorld(t)
	var all sync.WaitGroup
	e := numberOf(t, d, "e")
	for range 8 {
		all.Go(func() {
			for range 20 {
				found, err := d.loadResults(context.Background(), e, []string{"a", "b", "c"})
				if err != nil || len(found) != 3 {
					t.Errorf("found %v: %v", found, err)
				}
				if _, err := d.loadContext(context.Background()); err != nil {
					t.Error(err)
				}
				d.keep(e, json.RawMessage(`{}`))
			}
		})
	}
	all.Wait()
}

func TestAStepThatItsTemplateDoesNotHaveCannotRun(t *testing.T) {
	t.Parallel()
	w, d := dataWorld(t)
	for _, no := range []int32{-1, 5, 99} {
		_, err := d.step(no)
		require.ErrorContains(t, err, "no step number")
	}
	started, err := w.StepExecutorActor.HandleExecuteStep(t.Context(), ExecuteStepMessage{
		Step: store.ClaimedStep{LeasedStep: store.LeasedStep{TaskUUID: sdk.NewUUID(), StepNo: 99}, Task: store.TaskHeader{TemplateID: d.TemplateID}},
	})
	require.Error(t, err)
	require.False(t, started)
	started, err = w.StepExecutorActor.HandleExecuteStep(t.Context(), ExecuteStepMessage{
		Step: store.ClaimedStep{LeasedStep: store.LeasedStep{TaskUUID: sdk.NewUUID()}, Task: store.TaskHeader{TemplateID: d.TemplateID + 1000}},
	})
	require.ErrorIs(t, err, store.ErrNotFound)
	require.False(t, started)
}
