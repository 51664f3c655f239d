package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

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
	noon := time.Now()
	for as, created := range map[string]time.Time{
		"pending": noon.Add(-100 * 24 * time.Hour), "tagged": noon.Add(-time.Hour), "half tagged": noon.Add(-time.Hour - time.Millisecond),
	} {
		w.db.Exec(t, "update tasker.tasks set created_at = $2 where task_uuid = $1", named[as], created)
	}
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
		"since":            {store.TaskFilter{Since: noon.Add(-time.Hour).Truncate(time.Microsecond)}, []string{"cancelled", "failed", "other template", "retrying", "tagged"}},
		"until":            {store.TaskFilter{Until: noon.Add(-time.Hour).Truncate(time.Microsecond)}, []string{"half tagged", "pending"}},
		"between":          {store.TaskFilter{Since: noon.Add(-2 * time.Hour), Until: noon.Add(-time.Minute)}, []string{"half tagged", "tagged"}},
		"since the future": {store.TaskFilter{Since: noon.Add(time.Hour)}, nil},
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
