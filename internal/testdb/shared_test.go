package testdb

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/embedpg"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// With this variable the test binary is a test process that uses the server of the named directory and ends without a
// word, as all test processes do.
const careless = "TESTDB_CARELESS_PROCESS"

func TestMain(m *testing.M) {
	dir := os.Getenv(careless)
	if dir == "" {
		os.Exit(m.Run())
	}
	server, err := embedpg.Open(context.Background(), embedpg.Options{DataDir: dir, FastUnsafe: true, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = postKeeper(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(server.PostmasterPID())
	os.Exit(0)
}

func TestTheServerStopsSomeTimeAfterTheLastTestProcess(t *testing.T) {
	t.Parallel()
	parent, err := os.MkdirTemp("", "tasker-testdb-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(parent, 0o711))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(parent)) })

	run := func() string {
		program, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), careless+"="+filepath.Join(parent, "pg"), testkit.EndsAtOnce())
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		require.NoError(t, err)
		return string(out)
	}
	server, waited := run(), false
	for range 5 { // a busy machine may start the next process too late now and then
		last := server
		if server = run(); server == last {
			waited = true
			break
		}
	}
	require.True(t, waited, "the server did not wait for the next test process")

	pid, err := strconv.Atoi(server)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, 0))
	stopped := filepath.Join(parent, "pg", "db", "postmaster.pid")
	require.Eventually(t, func() bool {
		_, err := os.Stat(stopped)
		return os.IsNotExist(err) && syscall.Kill(pid, 0) != nil
	}, 60*time.Second, 20*time.Millisecond, "the server still runs")
}
