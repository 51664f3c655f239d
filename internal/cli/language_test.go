package cli

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// program writes a shell script that stands for an interpreter.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python3")
	require.NoError(t, testkit.WriteProgram(path, []byte("#!/bin/sh\n"+script+"\n")))
	return path
}

func TestAProgramThatRunsHandlersIsFoundAndTellsItsVersion(t *testing.T) {
	t.Parallel()
	l, err := findLanguage("python")
	require.NoError(t, err)
	h, err := l.findHost(t.Context(), []string{"TASKER_PYTHON=none", "TASKER_PYTHON=" + program(t, "echo 3.12.1")})
	require.NoError(t, err)
	require.Equal(t, "3.12.1", h.Version)
	require.Equal(t, "-c", h.command(l.probe...).Args[1])
}

func TestTheErrorSaysWhyHandlersOfALanguageCannotRunAndWhatToDo(t *testing.T) {
	t.Parallel()
	l, err := findLanguage("python")
	require.NoError(t, err)
	broken := program(t, "echo Traceback >&2; echo \"ModuleNotFoundError: No module named 'tasker_core'\" >&2; exit 1")
	_, err = l.findHost(t.Context(), []string{"TASKER_PYTHON=" + broken})
	require.EqualError(t, err, "Python handlers cannot run here ("+broken+": ModuleNotFoundError: No module named 'tasker_core'): "+l.install)
	_, err = l.findHost(t.Context(), []string{"TASKER_PYTHON=none"})
	require.ErrorContains(t, err, "(none is not in PATH)")
}

func TestALanguageThatNobodyWritesHandlersInIsRefused(t *testing.T) {
	t.Parallel()
	_, err := findLanguage("cobol")
	require.ErrorContains(t, err, `there are no handlers in "cobol", but in Go, the default, and in python`)
}
