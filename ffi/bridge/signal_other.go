//go:build !linux

package bridge

import "golang.org/x/sys/unix"

// fdPair is a pipe.
type fdPair struct{ read, end int }

func openFD() (fdPair, error) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		return fdPair{}, err
	}
	for _, fd := range p {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return fdPair{}, err
		}
	}
	return fdPair{read: p[0], end: p[1]}, nil
}

func (p fdPair) write() { _, _ = unix.Write(p.end, []byte{1}) } // fails only when the pipe is full: it is readable then

func (p fdPair) drain() {
	var b [64]byte
	for {
		if n, err := unix.Read(p.read, b[:]); n <= 0 || err != nil {
			return
		}
	}
}

func (p fdPair) close() {
	_ = unix.Close(p.read)
	_ = unix.Close(p.end)
}
