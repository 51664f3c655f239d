package testkit

import (
	"os"
	"syscall"
)

// WriteProgram writes a file that anybody may run. No process starts meanwhile: it would have the file open until it begins a
// program of its own, and what is open to be written cannot be run.
func WriteProgram(path string, content []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, content, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755) // whatever the umask
}

// EndsAtOnce is for the environment of programs of a test: under the race detector each would sleep for a second when it ends.
func EndsAtOnce() string { return "GORACE=" + os.Getenv("GORACE") + " atexit_sleep_ms=0" }
