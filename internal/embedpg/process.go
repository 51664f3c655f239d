package embedpg

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// pidFile is what the postmaster says about itself in postmaster.pid.
type pidFile struct {
	pid    int
	status string // "starting", "ready", "standby" or "stopping"; empty in its first moments
}

func readPIDFile(clusterDir string) (pidFile, bool) {
	content, err := os.ReadFile(filepath.Join(clusterDir, "postmaster.pid"))
	if err != nil {
		return pidFile{}, false
	}
	lines := strings.Split(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		return pidFile{}, false
	}
	file := pidFile{pid: pid}
	if len(lines) > 7 {
		file.status = strings.TrimSpace(lines[7])
	}
	return file, true
}

// running reports whether there is such a process. A zombie is none: in many containers nobody reaps the dead.
func running(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	stat, err := os.ReadFile(procPath(pid, "stat")) // "number (name) state ..."
	if err != nil {
		return !haveProc
	}
	_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return !bytes.HasPrefix(state, []byte("Z")) && !bytes.HasPrefix(state, []byte("X"))
}

// alive reports whether pid, which a pid file names, is a server process of the cluster. The number alone proves nothing:
// after a crash another process may get it. Server processes work in their cluster's directory, which Linux shows.
func alive(pid int, clusterDir string) bool {
	if !running(pid) {
		return false
	}
	if !haveProc {
		return true
	}
	cwd, err := os.Readlink(procPath(pid, "cwd"))
	if errors.Is(err, fs.ErrPermission) { // root in a container, without the right to trace other users' processes
		program, _, _ := bytes.Cut(commandLine(pid), []byte{0})
		return filepath.Base(string(program)) == "postgres"
	}
	return err == nil && cwd == clusterDir
}

// clusterName names the server of a data directory in its settings, and so in the titles of its processes.
func clusterName(dataDir string) string {
	return fmt.Sprintf("tasker-%.6x", sha256.Sum256([]byte(dataDir)))
}

// serverProcesses returns the children of the data directory's postmaster, also of one that died; nil without /proc.
func serverProcesses(dataDir string, own owner) []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // its only error is a malformed pattern
	title := []byte("postgres: " + clusterName(dataDir) + ": ")
	var pids []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || !bytes.HasPrefix(commandLine(pid), title) {
			continue
		}
		if info, err := os.Stat(dir); err == nil && ownerOf(info) == own.uid {
			pids = append(pids, pid)
		}
	}
	return pids
}

var haveProc = func() bool {
	_, err := os.Readlink("/proc/self/cwd")
	return err == nil
}()

// commandLine returns a process's arguments, or the title it gave itself; nil if it is gone.
func commandLine(pid int) []byte {
	line, err := os.ReadFile(procPath(pid, "cmdline"))
	if err != nil {
		return nil
	}
	return line
}

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
