package e2e

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between a process and the database, as a network would, and can be cut.
type proxy struct {
	dsn    string // through the proxy
	target string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
}

var hostOfDSN = regexp.MustCompile(`host='([^']*)'`)

// proxy opens a way to the world's database that the test can cut. It needs a server that listens on a socket.
func (w *world) proxy(t testing.TB) *proxy {
	t.Helper()
	host := hostOfDSN.FindStringSubmatch(w.db.DSN())
	require.NotNil(t, host, "the database server for this test must be Tasker's own")
	dir, err := os.MkdirTemp(w.dir, "p")
	require.NoError(t, err)
	const socket = ".s.PGSQL.5432"
	p := &proxy{
		dsn:    hostOfDSN.ReplaceAllString(w.db.DSN(), "host='"+dir+"'"),
		target: filepath.Join(host[1], socket),
		conns:  map[net.Conn]struct{}{},
	}
	p.open(t, filepath.Join(dir, socket))
	t.Cleanup(func() { p.cut() })
	return p
}

func (p *proxy) path() string {
	return filepath.Join(hostOfDSN.FindStringSubmatch(p.dsn)[1], ".s.PGSQL.5432")
}

// reopen lets connections through again.
func (p *proxy) reopen(t testing.TB) { p.open(t, p.path()) }

func (p *proxy) open(t testing.TB, path string) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", p.target)
			if err != nil {
				_ = near.Close()
				continue
			}
			p.join(near, far)
		}
	}()
}

// join copies both ways until either side ends. The server's side is closed by the end of its own statement at the
// earliest: it does not notice before that it talks to nobody.
func (p *proxy) join(near, far net.Conn) {
	p.mu.Lock()
	p.conns[near] = struct{}{}
	p.mu.Unlock()
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			_ = near.Close()
			_ = far.Close()
			p.mu.Lock()
			delete(p.conns, near)
			p.mu.Unlock()
		}()
	}
}

// cut ends all connections and refuses new ones.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for c := range p.conns {
		_ = c.Close()
	}
}
