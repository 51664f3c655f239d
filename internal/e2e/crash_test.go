package e2e

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAStepRunsAgainSoonAfterItsWorkerWasKilled(t *testing.T) {
	t.Parallel()
	promptly(t, shortLease+time.Second, func() time.Duration {
		w := newWorld(t)
		until := filepath.Join(w.dir, "until") // the first attempt never ends, the second does at once
		let(t, until, 2)
		w.register(t, "linear", linear(3)...)
		front := w.node(t, role{})
		victim := w.worker(t, "victim", role{Lease: shortLease})
		task := w.submit(t, front, "linear", map[string]conduct{"s2": {Until: until}})
		w.effectOf(t, task, "s2", "start", 1)
		w.worker(t, "heir", role{})

		killed := time.Now()
		victim.kill(t)
		again := w.effectOf(t, task, "s2", "start", 2)
		require.Equal(t, "complete", w.taskState(t, task))
		require.Equal(t, stepRow{State: "complete", Attempt: 2, Crashes: 1}, w.step(t, task, "s2"))
		require.Equal(t, 1, w.step(t, task, "s3").Attempt)
		w.requireIntact(t)
		w.requireKeyedEffects(t)
		return again.At.Sub(killed)
	})
}

func TestAcknowledgedTasksSurviveTheDeathOfTheirServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.registerShapes(t)
	w.worker(t, "worker", role{Slots: 20})
	refused := 0
	for range 3 {
		server := w.server(t, "server", role{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		before := len(w.acknowledged(t))
		go func() {
			defer close(done)
			refused += w.submitMany(ctx, server, 4, 1<<30, mixed(1))
		}()
		require.Eventually(t, func() bool { return len(w.acknowledged(t)) > before+60 }, patience, tick)
		server.kill(t)
		cancel()
		<-done
	}
	require.NotZero(t, refused, "no request was under way when the server was killed")
	w.server(t, "server", role{})
	w.settled(t, patience)
	w.requireNothingLost(t)
	w.requireOnce(t)
	w.requireIntact(t)
	t.Logf("%d tasks acknowledged, %d requests without an answer, %d tasks made", len(w.acknowledged(t)), refused,
		w.db.Count(t, `select count(*) from tasker.tasks`))
}

func TestAFrozenWorkersLateResultChangesNothingAndItComesBackAsANewOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "linear", linear(2)...)
	front := w.node(t, role{})
	frozen := w.worker(t, "frozen", role{Lease: shortLease, Slots: 2})
	until := filepath.Join(w.dir, "until")
	task := w.submit(t, front, "linear", map[string]conduct{"s1": {Until: until, Stubborn: true}})
	w.effectOf(t, task, "s1", "start", 1)
	frozen.signal(t, syscall.SIGSTOP)
	heir := w.worker(t, "heir", role{})
	again := w.effectOf(t, task, "s1", "start", 2)
	require.Equal(t, heir.cmd.Process.Pid, again.PID)

	// The late result meets the attempt that took its place, which is still under way.
	let(t, until, 1)
	frozen.signal(t, syscall.SIGCONT)
	late := w.effectOf(t, task, "s1", "end", 1)
	require.Equal(t, frozen.cmd.Process.Pid, late.PID)
	w.eventually(t, patience, 3, `select count(*) from tasker.workers`)
	require.Equal(t, stepRow{State: "in_progress", Attempt: 2, Crashes: 1, Error: w.step(t, task, "s1").Error, Type: "lease_expired"}, w.step(t, task, "s1"))
	let(t, until, 2)
	require.Equal(t, "complete", w.taskState(t, task))
	require.Equal(t, stepRow{State: "complete", Attempt: 2, Crashes: 1}, w.step(t, task, "s1"))
	heir.kill(t)
	next := w.submit(t, front, "linear", nil)
	require.Equal(t, "complete", w.taskState(t, next))
	require.Equal(t, frozen.cmd.Process.Pid, w.effectOf(t, next, "s2", "end", 1).PID)
	require.Equal(t, 1, w.step(t, task, "s2").Attempt)
	w.requireIntact(t)
}
