package orchestration

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAWatchOverLeasesCountsFromItsLastBreak(t *testing.T) {
	t.Parallel()
	const always = time.Duration(math.MaxInt64)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	w := leaseWatch{longestGap: 2 * time.Second}
	require.Equal(t, always, w.unbroken(at(0)), "a new process takes the server's word for how long it has been up")
	w.swept(at(0), nil)
	require.Equal(t, always, w.unbroken(at(1)))

	w.swept(at(1), errors.New("the database is away"))
	require.Zero(t, w.unbroken(at(2)), "the sweep before failed")
	w.swept(at(3), nil)
	require.Equal(t, time.Second, w.unbroken(at(4)))
	w.swept(at(4), nil)
	w.swept(at(6), nil)
	require.Equal(t, 4*time.Second, w.unbroken(at(7)))

	require.Zero(t, w.unbroken(at(9)), "the process itself stood still")
	w.swept(at(9), nil)
	require.Equal(t, time.Second, w.unbroken(at(10)))
}

func TestAWatchThatBeginsWithAFailureIsBroken(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := leaseWatch{longestGap: time.Second}
	w.swept(start, errors.New("the database is away"))
	require.Zero(t, w.unbroken(start))
	w.swept(start.Add(time.Second), nil)
	require.Equal(t, time.Second, w.unbroken(start.Add(2*time.Second)))
}
