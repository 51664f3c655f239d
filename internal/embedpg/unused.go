package embedpg

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// keeperLock is held by the process in [StopWhenUnused].
const keeperLock = "keeper.lock"

// StopWhenUnused waits until nobody has used the server of o.DataDir for linger, to twice that, and stops it. It is for
// users that end without a Close. If another process waits for that server already, it returns at once.
func StopWhenUnused(ctx context.Context, o Options, linger time.Duration) (err error) {
	s, err := newServer(o)
	if err != nil {
		return err
	}
	defer s.start.Close()
	defer s.users.Close()
	keeper, err := openLock(s.dataDir, keeperLock, s.owner)
	if err != nil {
		return err
	}
	defer keeper.Close() // before users: who becomes a user after this wait finds the keeper's place empty
	if first, err := tryLock(keeper, syscall.LOCK_EX); err != nil || !first {
		return err
	}
	for quiet := false; ; {
		unused, err := tryLock(s.users, syscall.LOCK_EX)
		if err != nil {
			return err
		}
		if unused && quiet {
			return s.stopRunning()
		}
		if quiet = unused; unused {
			err = syscall.Flock(int(s.users.Fd()), syscall.LOCK_UN)
		}
		if err := errors.Join(err, pause(ctx, linger)); err != nil {
			return err
		}
	}
}
