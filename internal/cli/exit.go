package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// What the program exits with.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2 // the command line or the configuration is wrong; nothing was done
	exitTimeout     = 3
	exitInterrupted = 130
)

// exitError ends the program with a code of its own. Without err there is nothing left to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usagef reports a mistake in the command line that only its command could find.
func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// exit tells of an error and finds the exit code.
func (a *app) exit(cmd *cobra.Command, err error) int {
	var usage *usageError
	var own *exitError
	var settings *config.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage) || !a.started:
		a.complain(err)
		fmt.Fprintf(a.Stderr, "Usage: %s\n", cmd.UseLine())
		return exitUsage
	case errors.As(err, &settings):
		a.complain(err)
		return exitUsage
	case errors.As(err, &own):
		if own.err != nil {
			a.complain(own.err)
		}
		return own.code
	case a.Stop.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted)):
		a.complain(errInterrupted)
		return exitInterrupted
	}
	a.complain(err)
	return exitFailed
}

// complain writes an error for people: what happened and, where it is known, what to do next.
func (a *app) complain(err error) {
	var invalid *template.InvalidError
	if errors.As(err, &invalid) {
		_ = invalid.Diagnostics.Format(a.Stderr)
		err = fmt.Errorf("%s in task templates; nothing was registered", count(len(invalid.Diagnostics), "error"))
	}
	fmt.Fprintf(a.Stderr, "tasker: %s\n", printableLines(err.Error()))
	if hint := a.hint(err); hint != "" {
		fmt.Fprintf(a.Stderr, "  %s\n", hint)
	}
}

func (a *app) hint(err error) string {
	var answer *client.Error
	switch {
	case errors.As(err, &answer) && answer.Code == client.CodeConnection:
		return "is the server running? Start one with 'tasker server', or leave out --url and TASKER_URL to use the database directly"
	case errors.As(err, &answer) && answer.StatusCode == 404 && answer.Code == client.CodeBadAnswer:
		return "something answers there, but it is no Tasker server; check --url"
	case store.Classify(err) == store.RemedyStop:
		return "the tables of this database are not those that this program made; use the program that made them, or another database (--database-url, --data-dir)"
	case errors.Is(err, os.ErrPermission):
		return "check who owns it, or run as that user"
	}
	return ""
}
