package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
)

func TestTheQueuesTellWhatIsWrongWithThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inspect := func() store.MessagesView {
		t.Helper()
		found, err := w.InspectMessages(t.Context(), 2)
		require.NoError(t, err)
		found.Extension = ""
		return found
	}
	require.Equal(t, store.MessagesView{}, inspect(), "rows alone")

	require.NoError(t, store.UsePgmq(t.Context(), w.db.DSN()))
	w.register(t, single)
	require.Equal(t, store.MessagesView{InUse: true, Silent: []string{}, Missing: []string{}, Queues: 3}, inspect())

	w.db.Exec(t, "select pgmq.archive($1, pgmq.send($1, '{}')) from generate_series(1, 3)", queue)
	require.EqualValues(t, 2, inspect().Archived, "no more than are asked for")

	w.db.Exec(t, "alter table tasker.ready_steps disable trigger ready_steps_told; drop trigger step_results_told on tasker.step_results_queue")
	require.Equal(t, []string{"ready_steps_told", "step_results_told"}, inspect().Silent)
	w.db.Exec(t, "select pgmq.drop_queue($1)", queue)
	found := inspect()
	require.Equal(t, []string{queue}, found.Missing)
	require.Equal(t, 2, found.Queues)
	require.Zero(t, found.Archived)

	require.NoError(t, store.LeavePgmq(t.Context(), w.db.DSN()))
	require.NoError(t, store.UsePgmq(t.Context(), w.db.DSN()))
	require.Equal(t, store.MessagesView{InUse: true, Silent: []string{}, Missing: []string{}, Queues: 3}, inspect(), "all is made anew")
}
