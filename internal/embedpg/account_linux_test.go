package embedpg

import (
	"encoding/json"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

const canDropTracing = true

// execWithoutTracing starts the helper over, without the capability to look into processes of other users.
func execWithoutTracing(task helperTask) {
	encoded, err := json.Marshal(task)
	if err != nil {
		panic(err)
	}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_PTRACE, 0, 0, 0); err != nil {
		panic(err)
	}
	os.Setenv(helperVariable, string(encoded))
	panic(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
}
