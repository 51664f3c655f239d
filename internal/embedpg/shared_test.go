package embedpg

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// sharedDir is a directory that all users can reach, for what is made once for all tests. [TestMain] removes it.
var sharedDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "embedpg-shared-")
	return dir, errors.Join(err, os.Chmod(dir, 0o755))
})

// helperBinary is the test binary in the shared directory.
var helperBinary = sync.OnceValues(func() (string, error) {
	dir, err := sharedDir()
	if err != nil {
		return "", err
	}
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "helper")
	return path, testkit.WriteProgram(path, content)
})

// made guards the data directories that are copied.
var made sync.Mutex

// madeDataDir is a [newDataDir] for tests of what comes after the creation, which costs more than most of them: it holds
// the user's copy of one that was created, opened and closed.
func madeDataDir(t *testing.T, as account) string {
	uid := os.Geteuid()
	if as.credential != nil {
		uid = int(as.credential.Uid)
	}
	shared, err := sharedDir()
	require.NoError(t, err)
	original := filepath.Join(shared, "pg-"+strconv.Itoa(uid))

	made.Lock()
	defer made.Unlock()
	if _, err := os.Stat(original); err != nil {
		dir := newDataDir(t, as)
		open(t, as, dir).close(t)
		require.NoError(t, os.Remove(filepath.Join(dir, "postgres.log")))
		require.NoError(t, os.Rename(dir, original))
	}
	dir := newDataDir(t, as)
	out, err := exec.Command("cp", "-a", original, dir).CombinedOutput()
	require.NoError(t, err, string(out))
	return dir
}
