package embedpg

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAServerThatIsSlowToBeginIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := openHere(t, Options{DataDir: madeDataDir(t, self)})
	require.NoError(t, s.stopRunning())
	require.NoError(t, os.Remove(s.LogPath()))
	require.NoError(t, errors.Join(syscall.Mkfifo(s.LogPath(), 0o600), os.Chmod(s.LogPath(), 0o666))) // the server may be another user
	bin, err := s.chooseBinaries()
	require.NoError(t, err)
	guard, err := s.acquireServerLock(t.Context())
	require.NoError(t, err)
	pid, err := s.spawn(bin, guard) // it cannot begin before somebody reads its log
	guard.Close()
	require.NoError(t, err)
	require.True(t, running(pid))
	log, err := os.Open(s.LogPath())
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	go func() { _, _ = io.Copy(io.Discard, log) }()
	require.NoError(t, s.awaitReady(t.Context(), pid))
}
