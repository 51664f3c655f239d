package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/sdk"
)

// process is a server or a worker that runs apart from the test.
type process struct {
	name   string
	role   role
	cmd    *exec.Cmd
	exited chan struct{}
	client *http.Client
}

// start runs a process and returns once it is ready. It is killed when the test ends, and its log shown if that failed.
func (w *world) start(t testing.TB, name string, r role) *process {
	t.Helper()
	p, err := w.launch(t, name, r)
	require.NoError(t, err)
	return p
}

// launch is start, for a process that may fail to get ready because the database is away.
func (w *world) launch(t testing.TB, name string, r role) (*process, error) {
	t.Helper()
	if r.DSN == "" {
		r.DSN = w.db.DSN()
	}
	r.Effects = string(w.effectLog)
	set(&r.Transport, w.transport)
	_ = os.Remove(r.Socket) // of a process that was killed
	program, err := os.Executable()
	require.NoError(t, err)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	w.mu.Lock()
	w.started++
	log, err := os.Create(filepath.Join(w.dir, fmt.Sprintf("%d-%s.log", w.started, name)))
	w.mu.Unlock()
	require.NoError(t, err)

	p := &process{name: name, role: r, cmd: exec.Command(program), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+string(text), testkit.EndsAtOnce())
	p.cmd.Stderr = log
	stdin, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	lines := bufio.NewReader(stdout)
	first := make(chan string, 1)
	go func() {
		line, _ := lines.ReadString('\n')
		first <- line
		_, _ = io.Copy(io.Discard, lines)
		_ = p.cmd.Wait()
		_ = stdin.Close()
		_ = log.Close()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("log of %s (pid %d), its end:\n%s", name, p.cmd.Process.Pid, tail(log.Name()))
		}
	})
	p.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", r.Socket)
		},
		MaxIdleConnsPerHost: 16,
	}}
	t.Cleanup(p.client.CloseIdleConnections)
	select {
	case line := <-first:
		if line != "ready\n" {
			return nil, fmt.Errorf("%s does not start:\n%s", name, tail(log.Name()))
		}
		return p, nil
	case <-time.After(time.Minute):
		return nil, fmt.Errorf("%s is not ready in time", name)
	}
}

// tail reads the end of a file.
func tail(file string) []byte {
	raw, _ := os.ReadFile(file)
	return raw[max(0, len(raw)-8<<10):]
}

// worker starts a worker process that serves the named handlers, or all.
func (w *world) worker(t testing.TB, name string, r role) *process {
	t.Helper()
	if r.Handlers == nil {
		r.Handlers = allHandlers
	}
	return w.start(t, name, r)
}

// server starts a process that takes requests and runs no steps.
func (w *world) server(t testing.TB, name string, r role) *process {
	t.Helper()
	r.Socket = w.socket(name)
	return w.start(t, name, r)
}

// socket is where the named server takes requests.
func (w *world) socket(name string) string { return filepath.Join(w.dir, name+".sock") }

// whole starts a process that takes requests and runs their steps.
func (w *world) whole(t testing.TB, name string, r role) *process {
	t.Helper()
	r.Handlers = allHandlers
	return w.server(t, name, r)
}

// signal sends a signal to the process.
func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(s))
}

// kill ends the process at once, and returns when it is gone.
func (p *process) kill(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.exited
}

// wait returns the exit code of a process that is about to end.
func (p *process) wait(t testing.TB, atMost time.Duration) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(atMost):
		require.FailNow(t, "the process does not end", p.name)
		return -1
	}
}

// submit asks the server for a task. An error leaves open whether there will be one.
func (p *process) submit(ctx context.Context, request sdk.TaskRequest) (r orchestration.TaskRequestResult, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return r, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.name+"/tasks", bytes.NewReader(body))
	if err != nil {
		return r, err
	}
	answer, err := p.client.Do(post)
	if err != nil {
		return r, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return r, err
	}
	if answer.StatusCode != http.StatusOK {
		return r, fmt.Errorf("%s: %s", answer.Status, bytes.TrimSpace(raw))
	}
	return r, json.Unmarshal(raw, &r)
}
