package bridge

import (
	"os"
	"runtime/debug"
)

// setCrashFile has the runtime's last words appended to a file; standard error may be closed, or nobody's to read. It
// returns whether the file has some of an earlier process.
func setCrashFile(path string) (earlier bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return false, Errorf(EConfig, "crash_file: %s", err).With("key", "crash_file")
	}
	defer f.Close() // the runtime has a descriptor of its own
	info, err := f.Stat()
	if err == nil {
		err = debug.SetCrashOutput(f, debug.CrashOptions{})
	}
	if err != nil {
		return false, Errorf(EConfig, "crash_file: %s", err).With("key", "crash_file")
	}
	return info.Size() > 0, nil
}
