package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process is what a run of the program sees of the world.
type Process struct {
	// Name is what the program was called as, for commands that people may copy.
	Name string
	// Args are those after the program's name.
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Environ holds "NAME=value" pairs.
	Environ []string
	// Stop is done when the program is asked to stop.
	Stop context.Context
	// Hurry is closed when it is asked again: nothing may take long from then on. Nil if that never happens.
	Hurry <-chan struct{}
}

// errInterrupted is the cause with which [Process.Stop] is cancelled.
var errInterrupted = errors.New("interrupted")

// hurryFor is how long the program may take to end after it was asked twice.
const hurryFor = 3 * time.Second

// Main runs the program over the process's own arguments, environment and streams, and returns the exit code. SIGINT and
// SIGTERM ask it to stop; what follows a second one is left to the next start.
func Main() int {
	stop, cancel := context.WithCancelCause(context.Background())
	hurry := make(chan struct{})
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		close(hurry)
		select {
		case <-signals:
		case <-time.After(hurryFor):
		}
		os.Exit(exitInterrupted)
	}()
	return Run(Process{
		Name: programName(os.Args[0]), Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environ: os.Environ(), Stop: stop, Hurry: hurry,
	})
}

// programName is bin/tasker for one that was called so, and tasker for one that was found in PATH.
func programName(called string) string {
	if filepath.IsAbs(called) {
		return filepath.Base(called)
	}
	return called
}

// Run runs the program and returns the exit code.
func Run(p Process) int {
	a := &app{Process: p}
	root := a.newRootCommand()
	cmd, err := root.ExecuteContextC(p.Stop)
	return a.exit(cmd, err)
}

// app is one run of the program.
type app struct {
	Process
	global globalFlags
	// started is set once the command line is understood; errors before that are the user's.
	started bool
}

// getenv is os.Getenv for the environment of the run; of several values the last one counts.
func (a *app) getenv(name string) string {
	for i := len(a.Environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(a.Environ[i], name+"="); ok {
			return value
		}
	}
	return ""
}
