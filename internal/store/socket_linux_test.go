package store

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sockets are both ends of a connection, the first one as the pools have it.
func sockets(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer l.Close()
	client, err = quietly((&net.Dialer{}).DialContext)(t.Context(), "unix", l.Addr().String())
	require.NoError(t, err)
	require.IsType(t, &socket{}, client)
	server, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func TestASocketCarriesMoreThanTheKernelHoldsAndThenItsEnd(t *testing.T) {
	t.Parallel()
	client, server := sockets(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
	go func() {
		_, _ = io.Copy(server, server) // back what came
		server.Close()
	}()
	written := make(chan error, 1)
	go func() {
		n, err := client.Write(sent)
		if err == nil && n != len(sent) {
			err = io.ErrShortWrite
		}
		written <- err
	}()
	got := make([]byte, len(sent))
	_, err := io.ReadFull(client, got)
	require.NoError(t, err)
	require.NoError(t, <-written)
	require.True(t, bytes.Equal(sent, got))
	n, err := client.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, client.(*socket).Conn.(*net.UnixConn).CloseWrite())
	_, err = client.Read(got)
	require.Equal(t, io.EOF, err)
}

func TestASocketHeedsDeadlinesAndItsClosing(t *testing.T) {
	t.Parallel()
	client, server := sockets(t)
	require.NoError(t, client.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	_, err := client.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
	require.NoError(t, client.SetDeadline(time.Time{}))

	read := make(chan error, 1)
	go func() { _, err := client.Read(make([]byte, 1)); read <- err }()
	require.NoError(t, client.Close())
	require.ErrorIs(t, <-read, net.ErrClosed)

	client, server = sockets(t)
	require.NoError(t, server.Close())
	_, err = client.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
}

func TestASocketThatCannotBeOpenedIsAnError(t *testing.T) {
	t.Parallel()
	_, err := quietly((&net.Dialer{}).DialContext)(context.Background(), "unix", filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, syscall.ENOENT)
}
