package cli_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/cli"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// The test binary is the program, too: started with this variable it does what its command line says.
const asProgram = "TASKER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main())
	}
	os.Exit(m.Run())
}

// world is a folder and a database in which a test runs the program.
type world struct {
	t   *testing.T
	dir string
	db  *testdb.DB
	env []string
}

// newWorld has a database of its own.
func newWorld(t *testing.T) *world {
	return newBareWorld(t).onDatabase()
}

// onDatabase gives a world a database.
func (w *world) onDatabase() *world {
	w.db = testdb.New(w.t)
	w.env = append(w.env, "DATABASE_URL="+w.db.DSN())
	return w
}

// newBareWorld has none; what the program does there must not need one.
func newBareWorld(t *testing.T) *world {
	dir := t.TempDir()
	return &world{t: t, dir: dir, env: []string{
		asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TASKER_PYTHON=none", "TASKER_DATA_DIR=" + filepath.Join(dir, "pg"),
		testkit.EndsAtOnce(),
	}}
}

// write puts a file into the folder and returns its path.
func (w *world) write(name, text string) string {
	path := filepath.Join(w.dir, name)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(w.t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}

// answer is what a run of the program left behind.
type answer struct {
	stdout, stderr string
	code           int
}

// run runs the program to its end.
func (w *world) run(args ...string) answer { return w.feed("", args...) }

// feed runs the program with standard input.
func (w *world) feed(input string, args ...string) answer {
	w.t.Helper()
	cmd := w.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	code := exitCode(w.t, cmd.Run())
	return answer{stdout.String(), stderr.String(), code}
}

// must runs the program and wants it to succeed.
func (w *world) must(args ...string) string {
	w.t.Helper()
	a := w.run(args...)
	require.Equal(w.t, 0, a.code, "tasker %s\n%s%s", strings.Join(args, " "), a.stdout, a.stderr)
	return a.stdout
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	require.NoError(t, err)
	return 0
}

// process is a run of the program that goes on.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr *lines
}

// start starts the program. It is killed when the test ends, if it still runs then.
func (w *world) start(args ...string) *process {
	w.t.Helper()
	cmd := w.command(args...)
	p := &process{t: w.t, cmd: cmd, stdout: newLines(), stderr: newLines()}
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	require.NoError(w.t, cmd.Start())
	w.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// wait waits for the end and returns the exit code. All that the process wrote is there then.
func (p *process) wait() int {
	p.t.Helper()
	code := exitCode(p.t, p.cmd.Wait())
	p.stdout.end()
	p.stderr.end()
	return code
}

// lines passes on what a process writes, line by line, and keeps it.
type lines struct {
	*io.PipeWriter
	next chan string
	read chan struct{} // closed when all is read

	mu  sync.Mutex
	all []string
}

func newLines() *lines {
	r, w := io.Pipe()
	l := &lines{PipeWriter: w, next: make(chan string, 10_000), read: make(chan struct{})}
	go func() {
		defer close(l.read)
		scan := bufio.NewScanner(r)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			l.mu.Lock()
			l.all = append(l.all, scan.Text())
			l.mu.Unlock()
			l.next <- scan.Text()
		}
	}()
	return l
}

// patience bounds the wait for another process; tick is how often it is looked at.
const patience, tick = time.Minute, 20 * time.Millisecond

// await returns the next line that holds text.
func (l *lines) await(t *testing.T, text string) string {
	t.Helper()
	tooLong := time.After(patience)
	for {
		select {
		case line := <-l.next:
			if strings.Contains(line, text) {
				return line
			}
		case <-tooLong:
			require.FailNow(t, "there was no line with "+text, l.String())
		}
	}
}

// end says that nothing more is written, and waits until all is read.
func (l *lines) end() {
	_ = l.Close()
	<-l.read
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}
