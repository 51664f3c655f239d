package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
)

func TestPoolsTellWhetherTheDatabaseAnswers(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	query, engine := w.Pools(t.Context())
	require.NoError(t, query.Err)
	require.NoError(t, engine.Err)
	require.EqualValues(t, 4, query.Max)
	require.EqualValues(t, 8, engine.Max)
	require.Positive(t, query.Took)

	w.Close()
	query, engine = w.Pools(t.Context())
	require.Error(t, query.Err)
	require.Error(t, engine.Err)
}

func TestAReadTooLargeForMemoryIsRefused(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	id := w.create(t, nil)
	small, err := store.Open(t.Context(), w.db.DSN(), store.Options{MaxRead: 100_000})
	require.NoError(t, err)
	t.Cleanup(small.Close)
	w.db.Exec(t, `update tasker.workflow_steps set result = to_jsonb(repeat('x', 30000))`)
	_, err = small.Steps(t.Context(), id, true)
	require.ErrorIs(t, err, store.ErrTooLarge)
	_, err = small.Steps(t.Context(), id, false)
	require.NoError(t, err)
	_, err = w.Steps(t.Context(), id, true)
	require.NoError(t, err)

	w.db.Exec(t, `update tasker.tasks set context = to_jsonb(repeat('x', 100001))`)
	_, err = small.Tasks(t.Context(), store.TaskFilter{Limit: 10})
	require.ErrorIs(t, err, store.ErrTooLarge)
	_, err = w.Tasks(t.Context(), store.TaskFilter{Limit: 10})
	require.NoError(t, err)
}
