// Package scripts_test runs the shell scripts against machines that are made up of a few fake programs.
package scripts_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testkit"
)

const (
	goodGo       = "echo go version go1.26.4 linux/amd64"
	goodPostgres = "echo 'postgres (PostgreSQL) 16.2 (Debian 16.2-1)'"
)

// machine is a PATH with only the programs given, as shell scripts by name.
type machine map[string]string

func (m machine) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range m {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		program(t, path, "#!/bin/sh\ncd "+dir+"\n"+script+"\n")
	}
	cmd := exec.Command("./setup.sh", args...)
	cmd.Env = []string{"PATH=" + dir, "TASKER_PG_BIN=" + filepath.Join(dir, "pg")}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

func program(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, testkit.WriteProgram(path, []byte(text)))
}

// with returns the machine with more or other programs.
func (m machine) with(name, script string) machine {
	other := maps.Clone(m)
	other[name] = script
	return other
}

func (m machine) without(names ...string) machine {
	other := maps.Clone(m)
	for _, name := range names {
		delete(other, name)
	}
	return other
}

// goodPython says its version, and has the modules that it is asked to import.
const goodPython = `[ "$1" = -c ] || echo Python 3.11.2`

var complete = machine{
	"go": goodGo, "gcc": "", "python3": goodPython, "pg/postgres": goodPostgres, "pg/initdb": "", "id": "echo 1000",
}

func TestSetupIsContentWhenEverythingIsThere(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		goal string
		on   machine
	}{
		"for the tests":                     {"test", complete},
		"for the demo":                      {"demo", complete},
		"the demo needs no C compiler":      {"demo", complete.without("gcc")},
		"the demo needs no Python":          {"demo", complete.without("python3")},
		"any C compiler will do":            {"test", complete.without("gcc").with("clang", "")},
		"a release candidate of a newer Go": {"test", complete.with("go", "echo go version go1.27rc1 linux/arm64")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := tt.on.run(t, tt.goal)
			require.Zero(t, code, stderr)
			require.Contains(t, stdout, "PostgreSQL 16 in ")
			require.Contains(t, stdout, "optional: ruby not found; install it for Ruby handlers")
		})
	}
}

func TestSetupSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		on   machine
		want []string
	}{
		"no Go":               {complete.without("go"), []string{"Go 1.26 or newer: install it from go.dev/dl"}},
		"an old Go":           {complete.with("go", "echo go version go1.25.9 linux/amd64"), []string{"Go 1.26 or newer", "is go1.25.9"}},
		"no C compiler":       {complete.without("gcc"), []string{"a C compiler"}},
		"no PostgreSQL":       {complete.without("pg/postgres"), []string{"PostgreSQL 15 or newer where TASKER_PG_BIN points"}},
		"half a PostgreSQL":   {complete.without("pg/initdb"), []string{"PostgreSQL 15 or newer where TASKER_PG_BIN points"}},
		"an old PostgreSQL":   {complete.with("pg/postgres", "echo 'postgres (PostgreSQL) 14.1'"), []string{"holds version 14"}},
		"no Python":           {complete.without("python3"), []string{"Python 3.10 or newer with its venv module"}},
		"an old Python":       {complete.with("python3", "echo Python 3.9.18"), []string{"Python 3.10 or newer", "is 3.9.18"}},
		"an ancient Python":   {complete.with("python3", "echo Python 2.7.18"), []string{"Python 3.10 or newer", "is 2.7.18"}},
		"no venv module":      {complete.with("python3", `[ "$1" != -c ] || exit 1; `+goodPython), []string{"the venv module of "}},
		"several things":      {complete.without("go", "gcc"), []string{"Go 1.26 or newer", "a C compiler"}},
		"apt-get but no root": {complete.without("gcc").with("apt-get", "echo called >&2"), []string{"a C compiler"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, _, stderr := tt.on.run(t, "test")
			require.Equal(t, 1, code)
			for _, want := range tt.want {
				require.Contains(t, stderr, want)
			}
			require.NotContains(t, stderr, "called", "an ordinary user cannot install packages")
		})
	}
}

func TestSetupInstallsWhatIsMissingAsRoot(t *testing.T) {
	t.Parallel()
	root := complete.without("gcc").with("id", "echo 0").with("apt-get", `
		case "$*" in *update*) >lists; exit 0;; esac
		[ -e lists ] || exit 100 # no package lists yet
		echo "$DEBIAN_FRONTEND: $*" >&2
		echo '#!/bin/sh' >gcc && /bin/chmod +x gcc`)
	code, stdout, stderr := root.run(t, "test")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "installing gcc libc6-dev")
	require.Contains(t, stderr, "noninteractive: ")
	require.Contains(t, stderr, "install --no-install-recommends gcc libc6-dev")

	root["apt-get"] = "exit 100"
	code, _, _ = root.run(t, "test")
	require.NotZero(t, code)
}

func TestSetupKnowsTwoGoals(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"deploy"}, {"demo", "test"}} {
		code, _, stderr := complete.run(t, args...)
		require.Equal(t, 2, code, args)
		require.True(t, strings.HasPrefix(stderr, "usage: "), stderr)
	}
}
