package embedpg

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

func TestTheNextOpenRecoversFromAKilledPostmasterWhoseChildrenAreBusy(t *testing.T) {
	t.Parallel()
	for name, as := range accounts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := madeDataDir(t, as)
			p := open(t, as, dir)
			query(t, p.DSN, "create table kept (n int); insert into kept values (7); checkpoint; insert into kept values (8)")
			keepBusy(t, p.DSN)

			require.NoError(t, syscall.Kill(p.PID, syscall.SIGKILL))
			p.kill(t)
			next := open(t, as, dir)
			require.NotEqual(t, p.PID, next.PID)
			require.Equal(t, "15", query(t, next.DSN, "select sum(n) from kept"))
			next.close(t)
		})
	}
}

func TestAStartRightAfterAKillIsNotTakenInByTheDying(t *testing.T) {
	t.Parallel()
	s := openHere(t, Options{DataDir: madeDataDir(t, self)})
	for range 5 {
		killed := s.PostmasterPID()
		require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))
		require.NoError(t, s.Start(t.Context()))
		require.NotEmpty(t, query(t, s.DSN(""), "select 1"))
		require.NotEqual(t, killed, s.PostmasterPID())
	}
}

// keepBusy leaves a backend in a computation that does not notice when the postmaster dies.
func keepBusy(t *testing.T, dsn string) {
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	conn.PgConn().Frontend().SendQuery(&pgproto3.Query{String: "select count(*) from generate_series(1, 10000000000)"})
	require.NoError(t, conn.PgConn().Frontend().Flush())
	require.Eventually(t, func() bool {
		return query(t, dsn, "select count(*) from pg_stat_activity where state = 'active' and query like '%generate_series(1, 1%'") == "2"
	}, 30*time.Second, 5*time.Millisecond, "this query and that one")
}

func TestAStalePIDFileThatNamesALiveProcessDoesNotStopAStart(t *testing.T) {
	t.Parallel()
	s := openHere(t, Options{DataDir: madeDataDir(t, self)})
	require.NoError(t, syscall.Kill(s.PostmasterPID(), syscall.SIGKILL))
	stranger := exec.Command("sleep", "600")
	stranger.SysProcAttr = s.owner.sysProcAttr()
	require.NoError(t, stranger.Start())
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	path := filepath.Join(s.cluster, "postmaster.pid")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	file, _ := readPIDFile(s.cluster)
	recycled := strconv.Itoa(stranger.Process.Pid) + string(content[len(strconv.Itoa(file.pid)):])
	require.NoError(t, os.WriteFile(path, []byte(recycled), 0o600))

	require.NoError(t, s.Start(t.Context()))
	require.NotEmpty(t, query(t, s.DSN(""), "select 1"))
	require.NoError(t, syscall.Kill(stranger.Process.Pid, 0), "the stranger was harmed")
}

func TestAnInterruptedCreationIsStartedOver(t *testing.T) {
	t.Parallel()
	dir := newDataDir(t, self)
	s, err := newServer(quiet(Options{DataDir: dir}))
	require.NoError(t, err)
	unfinished := filepath.Join(dir, "db.unfinished", "base")
	require.NoError(t, os.MkdirAll(unfinished, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "db.unfinished", "PG_VERSION"), []byte("15\n"), 0o600))
	require.NoError(t, s.Close())

	s = openHere(t, Options{DataDir: dir})
	require.NotEmpty(t, query(t, s.DSN(""), "select 1"))
	require.NoDirExists(t, filepath.Join(dir, "db.unfinished"))
}

func TestAServerWhoseStarterIsKilledHalfwayIsTakenOver(t *testing.T) {
	t.Parallel()
	dir := madeDataDir(t, self)
	s, err := Open(t.Context(), quiet(Options{DataDir: dir}))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	logged := s.logSize()

	starter := command(t, self, helperTask{DataDir: dir})
	stdin, err := starter.StdinPipe() // whose end would have it close the server
	require.NoError(t, err)
	defer stdin.Close()
	require.NoError(t, starter.Start())
	require.Eventually(t, func() bool { return s.logSize() > logged }, 30*time.Second, time.Millisecond, "the postmaster does not start")
	require.NoError(t, starter.Process.Kill())
	require.Error(t, starter.Wait(), "killed")
	next := openHere(t, Options{DataDir: dir})
	require.NotEmpty(t, query(t, next.DSN(""), "select 1"))
	require.NoError(t, next.Close())
	require.Zero(t, next.PostmasterPID())
}

func TestASupervisedServerComesBack(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{
		"after its postmaster is killed": syscall.SIGKILL,
		"after an immediate stop":        syscall.SIGQUIT,
		"after someone stopped it":       syscall.SIGINT,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := madeDataDir(t, self)
			other := start(t, self, helperTask{DataDir: dir, Supervise: true})()
			require.Empty(t, other.Error)
			s := openHere(t, Options{DataDir: dir})
			s.Supervise(t.Context())
			query(t, s.DSN(""), "create table kept (n int); insert into kept values (7)")

			dead := s.PostmasterPID()
			began := time.Now()
			require.NoError(t, syscall.Kill(dead, signal))
			require.Eventually(t, func() bool { pid := s.PostmasterPID(); return pid != 0 && pid != dead && answers(t, s) },
				30*time.Second, 5*time.Millisecond)
			t.Logf("back after %v", time.Since(began).Round(time.Millisecond))
			require.Equal(t, "7", query(t, s.DSN(""), "select n from kept"))

			require.NoError(t, s.Close())
			other.close(t)
			require.Zero(t, s.PostmasterPID(), "it was restarted after its last user had left")
		})
	}
}

func TestSupervisionOfAClosedServerDoesNothing(t *testing.T) {
	t.Parallel()
	s := openHere(t, Options{DataDir: madeDataDir(t, self)})
	require.NoError(t, s.Close())
	s.Supervise(t.Context())
	s.guards.running.Wait()
	require.Zero(t, s.PostmasterPID())
}

func answers(t *testing.T, s *Server) bool {
	conn, err := pgx.Connect(t.Context(), s.DSN(""))
	if err != nil {
		return false
	}
	return conn.Close(context.Background()) == nil
}
