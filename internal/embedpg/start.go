package embedpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout  = 5 * time.Minute       // room for a long crash recovery
	startAttempts = 3                     // for a server that dies once it is ready
	leftoverGrace = 15 * time.Second      // how long the children of a killed postmaster may take to go
	statusPoll    = 5 * time.Millisecond  // how often a starting or stopping server is looked at
	retryPause    = 50 * time.Millisecond // between attempts to start over the leftovers of a crash
	stopTimeout   = 30 * time.Second      // for a fast shutdown, before an immediate one
	maxLogSize    = 10 << 20              // bytes; a larger log is put aside at the next start
)

// errGone reports a server that ended while it was waited for.
var errGone = errors.New("the server ended")

// ensureRunning returns once a server accepts connections, and starts one if there is none. It needs start.lock.
func (s *Server) ensureRunning(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %v", startTimeout))
	defer cancel()
	for {
		if pid := s.PostmasterPID(); pid != 0 {
			switch err := s.awaitReady(ctx, pid); {
			case err == nil:
				return nil
			case !errors.Is(err, errGone):
				return fmt.Errorf("wait for the private PostgreSQL server (process %d): %w; its log is %s", pid, err, s.LogPath())
			}
		}
		if err := s.launch(ctx); err != nil {
			return err
		}
	}
}

// launch starts a server and waits until it is ready, unless one turns up meanwhile.
func (s *Server) launch(ctx context.Context) error {
	began := time.Now()
	bin, err := s.chooseBinaries()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.cluster, "PG_VERSION")); errors.Is(err, fs.ErrNotExist) {
		if err := s.create(ctx, bin); err != nil {
			return err
		}
	}
	guard, err := s.acquireServerLock(ctx)
	if err != nil || guard == nil {
		return err
	}
	defer guard.Close() // the server has inherited it

	if err := s.removeStaleFiles(); err != nil {
		return err
	}
	if err := writeConfig(s.cluster, serverSettings(s.opts, bin, s.dataDir, s.socket), s.owner); err != nil {
		return err
	}
	s.rotateLog()
	logged := s.logSize()
	pid, err := s.spawn(bin, guard)
	if err != nil {
		return err
	}
	if err := s.awaitReady(ctx, pid); err != nil {
		if !errors.Is(err, errGone) {
			err = errors.Join(err, s.stop(pid))
		}
		return fmt.Errorf("start the private PostgreSQL server: %w; the end of %s says:\n%s", err, s.LogPath(), s.logSince(logged))
	}
	s.bin = bin
	s.log.Info("private PostgreSQL server started", "data_dir", s.dataDir, "version", bin.version, "pid", pid,
		"took", time.Since(began).Round(time.Millisecond))
	return nil
}

// removeStaleFiles clears away what a killed postmaster left. PostgreSQL does so itself unless another process has got the
// dead one's number, or nobody reaps the dead, as in many containers. It is safe once the server lock is held.
func (s *Server) removeStaleFiles() error {
	socket := filepath.Join(s.socket, socketFile)
	for _, path := range []string{filepath.Join(s.cluster, "postmaster.pid"), socket + ".lock", socket} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what a crashed server left: %w", err)
		}
	}
	return nil
}

// spawn runs the postmaster as nobody's child, in its own session: a host that waits for all of its children does not
// wait for the server, and a Ctrl-C meant for the host does not reach it. A shell of a moment puts it there.
func (s *Server) spawn(bin binaries, guard *os.File) (pid int, err error) {
	cmd := s.command(context.Background(), "/bin/sh", "-c", `umask 077; exec "$@" </dev/null >>"$0" 2>&1 & echo $!`,
		s.LogPath(), bin.path("postgres"), "-D", s.cluster)
	cmd.Dir = s.cluster
	cmd.ExtraFiles = []*os.File{guard}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) { // a server that is slow to begin still holds the shell's output
		return 0, s.explain("start the private PostgreSQL server", bin, err, stderr.String())
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

// awaitReady waits until the server with that process id accepts connections, or returns errGone if it ends.
func (s *Server) awaitReady(ctx context.Context, pid int) error {
	for {
		if !running(pid) { // alive would not do: a starting postmaster wanders through other directories
			return errGone
		}
		if file, ok := readPIDFile(s.cluster); ok && file.pid == pid && file.status == "ready" {
			return nil
		}
		if err := pause(ctx, statusPoll); err != nil {
			return err
		}
	}
}

// acquireServerLock returns the lock that says no process of an earlier server lives, or nil if a whole server does. When
// a postmaster is killed, its children linger: those that are idle leave by themselves, busy ones have to be told.
func (s *Server) acquireServerLock(ctx context.Context) (*os.File, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, leftoverGrace, fmt.Errorf("still there after %v", leftoverGrace))
	defer cancel()
	guard, err := openLock(s.dataDir, serverLock, s.owner)
	if err != nil {
		return nil, err
	}
	for waited := false; ; waited = true {
		free, err := tryLock(guard, syscall.LOCK_EX)
		leftovers := serverProcesses(s.dataDir, s.owner)
		if err == nil && free && len(leftovers) == 0 {
			return guard, nil
		}
		if s.PostmasterPID() != 0 { // started by a process that was killed before it was ready
			return nil, guard.Close()
		}
		for _, pid := range leftovers {
			if waited {
				_ = syscall.Kill(pid, syscall.SIGQUIT) // it may have left by now
			}
		}
		if err == nil {
			err = pause(ctx, retryPause)
		}
		if err != nil {
			guard.Close()
			return nil, fmt.Errorf("processes of an earlier server use %s, maybe in another container: %w; stop them first", s.dataDir, err)
		}
	}
}

// stopRunning stops the server if there is one. Only the last user may.
func (s *Server) stopRunning() error {
	if pid := s.PostmasterPID(); pid != 0 {
		if err := s.stop(pid); err != nil {
			return err
		}
	}
	s.removeSocketDir()
	return nil
}

// stop shuts the server down: fast, so that it needs no recovery, or immediately if that takes too long.
func (s *Server) stop(pid int) error {
	for i, attempt := range []struct {
		signal  syscall.Signal
		timeout time.Duration
	}{{syscall.SIGINT, stopTimeout}, {syscall.SIGQUIT, stopTimeout / 3}} {
		if i > 0 && !alive(pid, s.cluster) { // by now it may be another process
			return nil
		}
		if err := syscall.Kill(pid, attempt.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the private PostgreSQL server (process %d): %w", pid, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), attempt.timeout)
		gone := awaitEnd(ctx, pid)
		cancel()
		if gone {
			return nil
		}
	}
	return fmt.Errorf("the private PostgreSQL server (process %d) does not stop; its log is %s", pid, s.LogPath())
}

func awaitEnd(ctx context.Context, pid int) bool {
	for running(pid) {
		if pause(ctx, statusPoll) != nil {
			return false
		}
	}
	return true
}
