package bridge

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// fdPair is an eventfd: both of its ends are one. It never blocks, so that the scheduler need not hear of the system calls;
// it would look for another thread to go on with, and write has woken the one that counts.
type fdPair struct{ read int }

func openFD() (fdPair, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return fdPair{read: fd}, err
}

func (p fdPair) write() { // fails only when the counter is full: it is readable then
	one := uint64(1)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(p.read), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
}

func (p fdPair) drain() { // fails only when there is nothing
	var count uint64
	_, _, _ = unix.RawSyscall(unix.SYS_READ, uintptr(p.read), uintptr(unsafe.Pointer(&count)), unsafe.Sizeof(count))
}

func (p fdPair) close() { _ = unix.Close(p.read) }
