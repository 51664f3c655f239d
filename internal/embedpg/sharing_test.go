package embedpg

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAServerIsSharedUntilItsLastUserLeaves(t *testing.T) {
	t.Parallel()
	for name, as := range accounts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newDataDir(t, as)
			first := open(t, as, dir)
			query(t, first.DSN, "create table kept (n int); insert into kept values (7)")
			second := open(t, as, dir)
			require.Equal(t, first.PID, second.PID, "the second process started a server of its own")
			require.Equal(t, first.BinDir, second.BinDir)

			first.close(t)
			require.Equal(t, "7", query(t, second.DSN, "select n from kept"), "the first one to leave stopped the server")

			second.close(t)
			require.False(t, alive(second.PID, filepath.Join(dir, "db")), "the last one left the server running")

			third := open(t, as, dir)
			require.Equal(t, "7", query(t, third.DSN, "select n from kept"))
			third.close(t)
		})
	}
}

func TestAServerOutlivesAKilledUserAndServesTheNext(t *testing.T) {
	t.Parallel()
	dir := madeDataDir(t, self)
	killed := open(t, self, dir)
	query(t, killed.DSN, "create table kept (n int); insert into kept values (7)")
	killed.kill(t)

	next := open(t, self, dir)
	require.Equal(t, killed.PID, next.PID)
	require.Equal(t, "7", query(t, next.DSN, "select n from kept"))
	next.close(t)
	require.False(t, alive(next.PID, filepath.Join(dir, "db")), "the killed process still counts as a user")
}

func TestManyProcessesThatOpenAtOnceGetOneServer(t *testing.T) {
	t.Parallel()
	dir := newDataDir(t, self)
	var started []func() *process
	for range 8 {
		started = append(started, start(t, self, helperTask{DataDir: dir}))
	}
	pids := map[int]bool{}
	var opened []*process
	for _, wait := range started {
		p := wait()
		require.Empty(t, p.Error)
		pids[p.PID] = true
		opened = append(opened, p)
	}
	require.Len(t, pids, 1)
	for _, p := range opened {
		require.NotEmpty(t, query(t, p.DSN, "select 1"), "stopped under its users")
		p.close(t)
	}
	require.False(t, alive(opened[0].PID, filepath.Join(dir, "db")))
}

func TestOpenWaitsForAnOpenerInProgressNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	s := openHere(t, Options{DataDir: madeDataDir(t, self)})
	busy, err := openLock(s.DataDir(), startLock, s.owner)
	require.NoError(t, err)
	defer busy.Close()
	locked, err := tryLock(busy, syscall.LOCK_EX)
	require.NoError(t, err)
	require.True(t, locked)

	_, err = Open(expired(t), quiet(Options{DataDir: s.DataDir()}))
	require.ErrorContains(t, err, "start.lock, held by another process")
	require.NotEmpty(t, query(t, s.DSN(""), "select 1"), "the failed Open stopped a server in use")
}

func TestCtrlCInTheTerminalDoesNotReachTheServer(t *testing.T) {
	t.Parallel()
	p := start(t, self, helperTask{DataDir: madeDataDir(t, self), IgnoreInterrupt: true})()
	require.Empty(t, p.Error)
	group := p.cmd.Process.Pid // the helper leads a process group, as a shell's foreground job does
	require.NoError(t, syscall.Kill(-group, syscall.SIGINT))

	serverGroup, err := syscall.Getpgid(p.PID)
	require.NoError(t, err)
	require.NotEqual(t, group, serverGroup)
	require.NotEmpty(t, query(t, p.DSN, "select 1"))
	p.close(t) // drains and stops its server in its own time
}

func TestTheServerGetsNothingOfTheEnvironmentOfItsApplication(t *testing.T) {
	t.Parallel()
	p := open(t, self, madeDataDir(t, self))
	if environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "environ")); err == nil {
		require.NotContains(t, string(environment), "SECRET_OF_THE_APP")
	}
	require.Equal(t, "5432", query(t, p.DSN, "show port"), "PGPORT of the application changed the server")
	p.close(t)
}

func TestClosingTwiceIsHarmless(t *testing.T) {
	t.Parallel()
	s := openHere(t, Options{DataDir: madeDataDir(t, self)})
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.Zero(t, s.PostmasterPID())
}

func TestAnUnusedServerIsStoppedForUsersThatEndWithoutAClose(t *testing.T) {
	t.Parallel()
	dir := madeDataDir(t, self)
	killed := open(t, self, dir)
	user := open(t, self, dir)
	keepers := make(chan error, 2)
	for range 2 {
		go func() { keepers <- StopWhenUnused(t.Context(), quiet(Options{DataDir: dir}), lockPoll) }()
	}
	require.NoError(t, <-keepers, "one of two keepers leaves at once")
	killed.kill(t)
	require.NotEmpty(t, query(t, user.DSN, "select 1"))
	user.kill(t)
	require.NoError(t, <-keepers)
	require.False(t, alive(user.PID, filepath.Join(dir, "db")))
}
