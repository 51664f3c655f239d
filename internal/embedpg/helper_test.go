package embedpg

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// The test binary plays the other processes that share a server: started with this variable, it opens the server that the
// variable describes, says so, and closes it when its input says so.
const helperVariable = "EMBEDPG_TEST_HELPER"

type helperTask struct {
	DataDir         string
	Supervise       bool
	WithoutTracing  bool // as root in a container, which may not look into other users' processes
	IgnoreInterrupt bool
}

// helperState is what a helper says once it has opened the server.
type helperState struct {
	PID    int
	DSN    string
	BinDir string
	Error  string
}

func TestMain(m *testing.M) {
	if task := os.Getenv(helperVariable); task != "" {
		os.Exit(runHelper(task))
	}
	code := m.Run()
	if dir, err := sharedDir(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func runHelper(encoded string) int {
	var task helperTask
	if err := json.Unmarshal([]byte(encoded), &task); err != nil {
		panic(err)
	}
	if task.WithoutTracing {
		task.WithoutTracing = false
		execWithoutTracing(task)
	}
	if task.IgnoreInterrupt {
		signal.Ignore(os.Interrupt)
	}
	s, err := Open(context.Background(), quiet(Options{DataDir: task.DataDir}))
	if err != nil {
		return say(helperState{Error: err.Error()})
	}
	if task.Supervise {
		s.Supervise(context.Background())
	}
	say(helperState{PID: s.PostmasterPID(), DSN: s.DSN(""), BinDir: s.BinDir()})
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err := s.Close(); err != nil {
		return say(helperState{Error: err.Error()})
	}
	return say(helperState{})
}

func say(state helperState) int {
	if err := json.NewEncoder(os.Stdout).Encode(state); err != nil {
		panic(err)
	}
	return 0
}

// process is a helper seen from the test.
type process struct {
	helperState
	cmd   *exec.Cmd
	close func(t *testing.T)
}

// start starts a helper as the user and does not wait for it: the result does.
func start(t *testing.T, as account, task helperTask) func() *process {
	cmd := command(t, as, task)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })

	answers := json.NewDecoder(stdout)
	return func() *process {
		p := &process{cmd: cmd}
		require.NoError(t, answers.Decode(&p.helperState))
		p.close = func(t *testing.T) {
			_, err := fmt.Fprintln(stdin)
			require.NoError(t, err)
			var state helperState
			require.NoError(t, answers.Decode(&state))
			require.Empty(t, state.Error)
			require.NoError(t, cmd.Wait())
		}
		return p
	}
}

func command(t *testing.T, as account, task helperTask) *exec.Cmd {
	encoded, err := json.Marshal(task)
	require.NoError(t, err)
	program, err := helperBinary()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), helperVariable+"="+string(encoded), "SECRET_OF_THE_APP=hunter2", "PGPORT=1", "PGDATA=/nowhere",
		testkit.EndsAtOnce())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as.credential}
	cmd.Stderr = os.Stderr
	return cmd
}

// open starts a helper and waits until it has opened the server.
func open(t *testing.T, as account, dataDir string) *process {
	p := start(t, as, helperTask{DataDir: dataDir, WithoutTracing: as.withoutTracing})()
	require.Empty(t, p.Error)
	return p
}

// kill ends the helper as the OOM killer would.
func (p *process) kill(t *testing.T) {
	require.NoError(t, p.cmd.Process.Kill())
	_, err := p.cmd.Process.Wait()
	require.NoError(t, err)
}

// newDataDir is a short path for a data directory that the user may create; a server left in it is ended with the test.
func newDataDir(t *testing.T, as account) string {
	parent, err := os.MkdirTemp("", "embedpg-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(parent, 0o711))
	if as.credential != nil {
		require.NoError(t, os.Chown(parent, int(as.credential.Uid), int(as.credential.Gid)))
	}
	t.Cleanup(func() {
		paths, _ := filepath.Glob(filepath.Join(globEscape(parent), "*", "db", "postmaster.pid"))
		for _, path := range paths {
			if file, ok := readPIDFile(filepath.Dir(path)); ok && alive(file.pid, filepath.Dir(path)) {
				_ = syscall.Kill(file.pid, syscall.SIGQUIT)
				awaitGone(t, file.pid, filepath.Dir(path))
			}
		}
		require.NoError(t, os.RemoveAll(parent))
	})
	return filepath.Join(parent, "pg")
}

func awaitGone(t *testing.T, pid int, cluster string) {
	require.Eventually(t, func() bool { return !alive(pid, cluster) }, 30*time.Second, 5*time.Millisecond, "server %d lives on", pid)
}

// query connects, runs the statement and returns its one value as text, or "" if it has none.
func query(t *testing.T, dsn, sql string) string {
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	require.NoError(t, err)
	var values []string
	for _, result := range results {
		for _, row := range result.Rows {
			values = append(values, string(row[0]))
		}
	}
	return strings.Join(values, " ")
}

// openHere opens a server in this process and closes it with the test.
func openHere(t *testing.T, o Options) *Server {
	s, err := Open(t.Context(), quiet(o))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// quiet makes a server that survives the crash of its processes, but not of the machine.
func quiet(o Options) Options {
	o.Logger, o.FastUnsafe = slog.New(slog.DiscardHandler), true
	if o.Settings == nil {
		o.Settings = map[string]string{}
	}
	o.Settings["synchronous_commit"] = "on"
	return o
}
