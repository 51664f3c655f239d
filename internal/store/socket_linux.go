package store

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"github.com/jackc/pgx/v5/pgconn"
)

// socket is a connection whose system calls the Go scheduler does not hear of. It never blocks in one, and for each that it
// hears of after a pause the scheduler wakes its monitor, which for a lone caller means: on the processor that PostgreSQL
// answers from. Deadlines and closing work as they do for any connection.
type socket struct {
	net.Conn
	raw syscall.RawConn
}

// quietly makes sockets of the connections of dial.
func quietly(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if s, ok := c.(syscall.Conn); ok {
			if raw, err := s.SyscallConn(); err == nil {
				return &socket{c, raw}, nil
			}
		}
		return c, nil
	}
}

// Read implements [net.Conn].
func (s *socket) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	var failure syscall.Errno
	if err := s.raw.Read(func(fd uintptr) (done bool) {
		n, failure = transfer(syscall.SYS_READ, fd, p)
		return failure != syscall.EAGAIN
	}); err != nil {
		return 0, err
	}
	if failure != 0 {
		return 0, s.failed("read", failure)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Write implements [net.Conn].
func (s *socket) Write(p []byte) (written int, err error) {
	for written < len(p) {
		var n int
		var failure syscall.Errno
		if err := s.raw.Write(func(fd uintptr) (done bool) {
			n, failure = transfer(syscall.SYS_WRITE, fd, p[written:])
			return failure != syscall.EAGAIN
		}); err != nil {
			return written, err
		}
		if failure != 0 {
			return written, s.failed("write", failure)
		}
		written += n
	}
	return written, nil
}

// transfer makes one call, for at least one byte.
func transfer(call, fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		r, _, failure := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		if failure == 0 {
			return int(r), 0
		}
		if failure != syscall.EINTR {
			return 0, failure
		}
	}
}

func (s *socket) failed(op string, failure syscall.Errno) error {
	return &net.OpError{Op: op, Net: s.LocalAddr().Network(), Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: os.NewSyscallError(op, failure)}
}

// descriptor is that of a connection of a pool's; false: others than the connection itself cannot tell by it that there is
// something to read.
func descriptor(c net.Conn) (fd int, ok bool) {
	s, ok := c.(*socket)
	if !ok {
		return 0, false
	}
	err := s.raw.Control(func(of uintptr) { fd = int(of) })
	return fd, err == nil
}
