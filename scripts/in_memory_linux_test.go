package scripts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// memory is a directory that the script takes for one in memory, with the options given.
func memory(t *testing.T, mounted string) (dir string, env []string) {
	dir, fakes := t.TempDir(), t.TempDir()
	for name, says := range map[string]string{"stat": "tmpfs", "findmnt": mounted} {
		program(t, filepath.Join(fakes, name), "#!/bin/sh\necho "+says+"\n")
	}
	return dir, append(os.Environ(), "PATH="+fakes+":"+os.Getenv("PATH"), "IN_MEMORY_DIR="+dir, "IN_MEMORY_KIB=1", "TMPDIR=/disk", "GOTMPDIR=", "TASKER_TESTDB_DIR=")
}

// inMemory runs a shell script in the script.
func inMemory(t *testing.T, env []string, script string) (code int, stdout string) {
	t.Helper()
	cmd := exec.Command("./in-memory.sh", "sh", "-c", script)
	var out, errOut bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &errOut
	if err := cmd.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError), errOut.String())
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

func TestTemporaryFilesAreInMemoryUntilTheLastProcessHasEnded(t *testing.T) {
	t.Parallel()
	dir, env := memory(t, "rw")
	// What the command leaves running writes a file where it may, when the command has ended.
	code, stdout := inMemory(t, env, `mkfifo "$TMPDIR/end"
		(read -r _ <"$TMPDIR/end"; echo written >"$TMPDIR/late"; cat "$TMPDIR/late") &
		echo "$TMPDIR $GOTMPDIR"; echo "$TASKER_TESTDB_DIR"; echo >"$TMPDIR/end"; exit 3`)
	require.Equal(t, 3, code)
	require.Regexp(t, `^`+dir+`/tasker-test\.\w{6} /disk\n`+dir+`/tasker-test\.\w{6}/testdb\nwritten\n$`, stdout)
	require.Empty(t, entries(t, dir))
}

func TestFilesOfAKilledRunGoWithTheNextAndThoseOfALivingOneStay(t *testing.T) {
	t.Parallel()
	dir, env := memory(t, "rw")
	killed, living := filepath.Join(dir, "tasker-test.killed"), filepath.Join(dir, "tasker-test.living")
	for _, run := range []string{killed, living} {
		require.NoError(t, os.Mkdir(run, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(run, "lock"), nil, 0o600))
	}
	lock, err := os.Open(filepath.Join(living, "lock"))
	require.NoError(t, err)
	defer lock.Close()
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))

	code, _ := inMemory(t, env, "true")
	require.Zero(t, code)
	require.Equal(t, []string{"tasker-test.living"}, entries(t, dir))
}

func TestWhereThereIsNoMemoryTheDiskHasToDo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ mounted, env string }{
		"too little":           {"rw", "IN_MEMORY_KIB=1000000000000"},
		"no programs run":      {"rw,noexec,nosuid", ""},
		"there is none at all": {"rw", "IN_MEMORY_DIR=/nonexistent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, env := memory(t, tt.mounted)
			code, stdout := inMemory(t, append(env, tt.env), `echo "$TMPDIR$TASKER_TESTDB_DIR"; exit 3`)
			require.Equal(t, 3, code)
			require.Equal(t, "/disk\n", stdout)
			require.Empty(t, entries(t, dir))
		})
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range all {
		names = append(names, entry.Name())
	}
	return names
}
