package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADatabaseTellsItsTimeVersionAndMigrations(t *testing.T) {
	t.Parallel()
	w := newReadWorld(t)
	before := w.clock(t)
	found, err := w.Inspect(t.Context())
	require.NoError(t, err)
	require.False(t, found.Now.Before(before))
	require.WithinDuration(t, before, found.Now, time.Minute)
	require.Regexp(t, `^\d+`, found.ServerVersion)
	require.Equal(t, "0001_engine", found.Migrations[0])
}
