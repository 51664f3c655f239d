package embedpg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// DefaultDataDir is where the private server keeps its data: TASKER_DATA_DIR, else /var/lib/tasker/pg for root, else
// tasker/pg in XDG_DATA_HOME or ~/.local/share.
func DefaultDataDir(getenv func(string) string) (string, error) {
	switch {
	case getenv("TASKER_DATA_DIR") != "":
		return getenv("TASKER_DATA_DIR"), nil
	case os.Geteuid() == 0:
		return "/var/lib/tasker/pg", nil
	case filepath.IsAbs(getenv("XDG_DATA_HOME")):
		return filepath.Join(getenv("XDG_DATA_HOME"), "tasker", "pg"), nil
	case getenv("HOME") != "":
		return filepath.Join(getenv("HOME"), ".local", "share", "tasker", "pg"), nil
	default:
		return "", errors.New("no place for the private database: neither TASKER_DATA_DIR, XDG_DATA_HOME nor HOME is set; set TASKER_DATA_DIR")
	}
}

// prepareDataDir makes dir a private directory of own and returns its path without symbolic links. An empty directory
// is taken over; one that holds something else is refused, because its contents would be locked away from its users.
func prepareDataDir(dir string, own owner) (string, error) {
	if err := makeParents(filepath.Dir(dir), own); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("create data directory: %w", err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return "", fmt.Errorf("data directory: %w; choose one that %s owns with TASKER_DATA_DIR", err, own.name)
	}
	if len(entries) == 0 {
		if err := takeOver(real, own); err != nil {
			return "", err
		}
	} else if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == startLock }) {
		return "", fmt.Errorf("%s is not empty and holds no private Tasker server; set TASKER_DATA_DIR to an empty or new directory", real)
	}
	return real, checkPrivate(real, own.uid)
}

// makeParents creates what is missing above the data directory. Root's umask must not lock the server's user out.
func makeParents(dir string, own owner) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeParents(filepath.Dir(dir), own); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create the parent of the data directory: %w; set TASKER_DATA_DIR to a place %s can write to", err, own.name)
	}
	if !own.drop {
		return nil
	}
	return os.Chmod(dir, 0o755)
}

func takeOver(dir string, own owner) error {
	if own.drop {
		if err := os.Chown(dir, own.uid, own.gid); err != nil {
			return fmt.Errorf("give data directory to %s: %w", own.name, err)
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("make data directory private: %w", err)
	}
	return nil
}

// checkPrivate holds the rule that makes password-free connections safe: nobody else can reach the socket.
func checkPrivate(dir string, uid int) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case ownerOf(info) != uid:
		return fmt.Errorf("%s belongs to uid %d, but the private database must belong to uid %d, which runs it; "+
			"chown it, or choose another place with TASKER_DATA_DIR", dir, ownerOf(info), uid)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is open to other users (mode %04o), who could enter the database without a password; chmod 700 it",
			dir, info.Mode().Perm())
	}
	return nil
}

// blockedParent returns the first directory on the way to dir that own may not pass, or "".
func blockedParent(dir string, own owner) string {
	for i, c := range dir {
		if c != filepath.Separator && i > 0 {
			continue
		}
		parent := dir[:max(i, 1)]
		info, err := os.Stat(parent)
		if err != nil {
			continue
		}
		stat, mode := info.Sys().(*syscall.Stat_t), info.Mode().Perm()
		switch {
		case int(stat.Uid) == own.uid:
			mode >>= 6
		case int(stat.Gid) == own.gid:
			mode >>= 3
		}
		if mode&1 == 0 {
			return parent
		}
	}
	return ""
}

// traversalHint explains a permission error of a child that runs as own and needs the directories.
func traversalHint(own owner, dirs ...string) string {
	for _, dir := range dirs {
		if parent := blockedParent(dir, own); parent != "" {
			return fmt.Sprintf(": %s, who runs the private database, may not pass through %s on the way to %s; "+
				"chmod o+x %s, or choose another place with TASKER_DATA_DIR (data) or TASKER_PG_BIN (programs)", own.name, parent, dir, parent)
		}
	}
	return ""
}
