// Package testkit has what the tests of many packages share: waiting for what others do, logs to look into, and programs.
package testkit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// Patience is how long a test waits for what another goroutine, a process or the database does.
	Patience = 30 * time.Second
	// Moment is how often it looks.
	Moment = 5 * time.Millisecond
)

// Eventually waits until the condition holds, and fails the test with what if it does not. It asks on the test's own
// goroutine, so that the condition may fail the test too.
func Eventually(t testing.TB, condition func() bool, what string) {
	t.Helper()
	look := time.NewTicker(Moment)
	defer look.Stop()
	for over := time.After(Patience); !condition(); {
		select {
		case <-look.C:
		case <-over:
			require.Fail(t, what)
		}
	}
}

// Receive waits for a value, and fails the test if none comes.
func Receive[T any](t testing.TB, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(Patience):
		require.Fail(t, "nothing comes")
	}
	return v
}
