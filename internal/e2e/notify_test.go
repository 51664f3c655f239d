package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const listening = `select count(*) from pg_stat_activity where datname = current_database() and query like 'listen%'`

func TestWorkIsFoundWithinThePollIntervalWhenNotificationsAreLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(3)...)
	front := w.node(t, role{})
	const poll = 400 * time.Millisecond
	w.worker(t, "deaf", role{Deaf: true, Poll: poll})
	require.Zero(t, w.db.Count(t, listening))
	for range 3 {
		promptly(t, poll+poll/4+time.Second, func() time.Duration {
			submitted := time.Now()
			task := w.submit(t, front, "linear", nil)
			found := w.effectOf(t, task, "s1", "start", 1).At.Sub(submitted)
			require.Equal(t, "complete", w.taskState(t, task))
			return found
		})
	}
	w.requireIntact(t)
}

func TestAListenerThatWasCutComesBackAndMissesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(1)...)
	front := w.node(t, role{})
	w.worker(t, "worker", role{Poll: 10 * time.Minute}) // all it finds, it hears of
	for range 3 {
		heard := w.submit(t, front, "linear", nil)
		require.Equal(t, "complete", w.taskState(t, heard))
		w.eventually(t, patience, 1, listening)
		w.db.Exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen%'`)
		missed := w.submit(t, front, "linear", nil)
		require.Equal(t, "complete", w.taskState(t, missed))
	}
	w.requireIntact(t)
}
