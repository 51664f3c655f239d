package embedpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// The processes that share a data directory meet at three flocks in it. The kernel frees a lock with the last process
// that holds its file open, so none of them can leak, whatever dies how.
const (
	startLock  = "start.lock"  // EX while creating, starting or recovering: one process at a time
	usersLock  = "users.lock"  // SH by each user of the server; who can get EX is the last and stops it
	serverLock = "server.lock" // EX, inherited on purpose by the server and its children: held while any of them lives
)

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 5 * time.Millisecond

// openLock opens a lock file in the data directory. Go opens files close-on-exec, so a child gets only what it is given.
// The directory may belong to a less privileged user than the caller, so links in it are not followed.
func openLock(dir, name string, own owner) (*os.File, error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if own.drop {
		if err := f.Chown(own.uid, own.gid); err != nil {
			f.Close()
			return nil, fmt.Errorf("give lock file to %s: %w", own.name, err)
		}
	}
	return f, nil
}

// tryLock takes the lock (syscall.LOCK_EX or LOCK_SH) if nobody else stands in the way.
func tryLock(f *os.File, how int) (bool, error) {
	for {
		switch err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, fmt.Errorf("flock %s: %w", f.Name(), err)
		}
	}
}

// lock waits for the lock until ctx is done. It polls, because a blocking flock cannot be called off.
func lock(ctx context.Context, f *os.File, how int) error {
	for {
		ok, err := tryLock(f, how)
		if ok || err != nil {
			return err
		}
		if err := pause(ctx, lockPoll); err != nil {
			return fmt.Errorf("wait for %s, held by another process: %w", f.Name(), err)
		}
	}
}

// pause waits for d, or returns the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
