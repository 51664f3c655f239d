package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// promptly holds that something takes less time than its limit. On a busy machine it may be late now and then; what is late at
// each of five tries is not kept at all.
func promptly(t testing.TB, limit time.Duration, try func() time.Duration) {
	t.Helper()
	var took []time.Duration
	for range 5 {
		took = append(took, try())
		if took[len(took)-1] < limit {
			t.Logf("took %s, the limit is %s", took, limit)
			return
		}
	}
	require.Fail(t, "late each time", "took %s, the limit is %s", took, limit)
}
