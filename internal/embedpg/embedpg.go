// Package embedpg runs a private PostgreSQL server as a child process, so that Tasker works with no database set up.
//
// One server serves all processes of a user that name the same data directory: the first starts it, others attach, and
// the last one to leave stops it. Users are counted with file locks, which the kernel frees, so a process that is killed
// leaves no trace; the server lives on and the next process attaches to it. The server listens on a Unix socket in a
// directory that only its owner may enter, which is why it asks for no password.
package embedpg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// DefaultDatabase is created by [Open] if it is absent.
const DefaultDatabase = "tasker"

// Options tunes [Open]; its zero value is ready to use. What concerns the server itself has its effect on the process
// that starts it: one that attaches takes the server as it is.
type Options struct {
	// DataDir holds the database, its log and its locks. Defaults to [DefaultDataDir]. It is created if absent.
	DataDir string
	// BinDir holds postgres and initdb. Defaults to what [FindBinaries] finds, or fits an existing database.
	BinDir string
	// Getenv reads the environment. Defaults to os.Getenv.
	Getenv func(string) string
	// Logger tells of creations, starts and restarts. Defaults to slog.Default().
	Logger *slog.Logger
	// MaxConnections defaults to 100.
	MaxConnections int
	// FastUnsafe trades durability for speed: a power cut may destroy the database. For tests only.
	FastUnsafe bool
	// Settings adds server settings or replaces defaults, except those that keep the server private.
	Settings map[string]string
}

// Server is a share in a running private server. It is safe for many goroutines.
type Server struct {
	opts    Options
	log     *slog.Logger
	owner   owner
	dataDir string
	cluster string // PostgreSQL's own data directory, within dataDir
	socket  string

	start, users *os.File // lock files

	restart sync.Mutex // one start at a time within the process; guards bin
	bin     binaries
	guards  guards
	close   func() error
}

// Open returns a share in the private server of o.DataDir, once it accepts connections. It creates, starts or recovers
// the server if need be. Release the share with [Server.Close].
func Open(ctx context.Context, o Options) (*Server, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newServer(o Options) (s *Server, err error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if err := checkSettings(o.Settings); err != nil {
		return nil, err
	}
	dir := o.DataDir
	if dir == "" {
		if dir, err = DefaultDataDir(o.Getenv); err != nil {
			return nil, err
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	s = &Server{opts: o, log: o.Logger}
	if s.owner, err = chooseOwner(dir); err != nil {
		return nil, err
	}
	if s.dataDir, err = prepareDataDir(dir, s.owner); err != nil {
		return nil, err
	}
	s.cluster = filepath.Join(s.dataDir, "db")
	s.socket = socketDir(s.dataDir, s.owner)
	if s.start, err = openLock(s.dataDir, startLock, s.owner); err != nil {
		return nil, err
	}
	if s.users, err = openLock(s.dataDir, usersLock, s.owner); err != nil {
		s.start.Close()
		return nil, err
	}
	s.close = sync.OnceValue(s.release)
	return s, nil
}

// Start starts the server again if it has died, and returns once it accepts connections; if it runs, that is at once.
func (s *Server) Start(ctx context.Context) error {
	s.restart.Lock()
	defer s.restart.Unlock()
	if err := lock(ctx, s.start, syscall.LOCK_EX); err != nil {
		return err
	}
	defer syscall.Flock(int(s.start.Fd()), syscall.LOCK_UN)
	// Counted as a user first: from here on nobody else takes himself for the last one and stops the server.
	if err := lock(ctx, s.users, syscall.LOCK_SH); err != nil {
		return err
	}
	if err := s.prepareSocketDir(); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		if err := s.ensureRunning(ctx); err != nil {
			return err
		}
		// A server that was just killed looks alive for a moment.
		if err := s.ensureDatabase(ctx); attempt == startAttempts || !errors.Is(err, errGone) {
			return err
		}
	}
}

// Close releases the share and, if it was the last one of all processes, stops the server. Calling it again is harmless.
func (s *Server) Close() error { return s.close() }

func (s *Server) release() error {
	s.guards.dismiss()
	defer s.start.Close()
	defer s.users.Close() // frees the lock, so it comes after the stop: until then an opener waits
	last, err := tryLock(s.users, syscall.LOCK_EX)
	if err != nil || !last {
		return err
	}
	return s.stopRunning()
}

// DSN returns the libpq keywords that connect to a database of the server; "" means [DefaultDatabase]. They say all that
// PG* variables of the environment could redirect.
func (s *Server) DSN(database string) string {
	if database == "" {
		database = DefaultDatabase
	}
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace
	return fmt.Sprintf("host='%s' port=%s user=%s dbname='%s' sslmode=disable", quote(s.socket), socketPort, superuser, quote(database))
}

// PostmasterPID returns the process id of the server, or 0 while it is down.
func (s *Server) PostmasterPID() int {
	if file, ok := readPIDFile(s.cluster); ok && alive(file.pid, s.cluster) {
		return file.pid
	}
	return 0
}

// DataDir returns the absolute path of the directory that holds everything of the server.
func (s *Server) DataDir() string { return s.dataDir }

// LogPath returns the path of the server's log.
func (s *Server) LogPath() string { return filepath.Join(s.dataDir, "postgres.log") }

// BinDir returns the directory of the programs that run the server.
func (s *Server) BinDir() string {
	s.restart.Lock()
	defer s.restart.Unlock()
	if s.bin.dir != "" {
		return s.bin.dir
	}
	// Another process started it: postmaster.opts holds the command line, its words in quotes but for the first.
	opts, err := os.ReadFile(filepath.Join(s.cluster, "postmaster.opts"))
	if err != nil {
		return ""
	}
	program, _, _ := strings.Cut(string(opts), ` "`)
	return filepath.Dir(strings.TrimSpace(program))
}
