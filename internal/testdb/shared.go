package testdb

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tasker-systems/tasker-go/internal/embedpg"
)

// sharedServer returns the server of this process's tests.
var sharedServer = sync.OnceValues(func() (*server, error) {
	if external := cmp.Or(os.Getenv("TASKER_TEST_DATABASE_URL"), os.Getenv("DATABASE_URL")); external != "" {
		return newServer(func(database string) string { return withDatabase(external, database) }), nil
	}
	dir, err := sharedDir()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	private, err := embedpg.Open(ctx, embedpg.Options{
		DataDir: dir, FastUnsafe: true, MaxConnections: 600, Logger: slog.New(slog.DiscardHandler),
		Settings: map[string]string{"autovacuum_naptime": "60s"},
	})
	if err != nil {
		return nil, err
	}
	if err := postKeeper(dir); err != nil {
		return nil, fmt.Errorf("start the process that stops the test server: %w", err)
	}
	return newServer(private.DSN), nil // private is never closed: the process's end is
})

// dirVariable names another directory for the private server. make test has it in memory, where there is room.
const dirVariable = "TASKER_TESTDB_DIR"

// sharedDir is the user's own; clusters of different versions stand side by side.
func sharedDir() (string, error) {
	_, version, err := embedpg.FindBinaries(nil)
	if err != nil {
		return "", err
	}
	if dir := os.Getenv(dirVariable); dir != "" {
		return filepath.Join(dir, strconv.Itoa(version)), nil
	}
	base := "/var/cache"
	if os.Geteuid() != 0 {
		base, err = os.UserCacheDir()
		if err == nil {
			err = os.MkdirAll(base, 0o700)
		}
		if err != nil { // an account without a home
			base = filepath.Join(os.TempDir(), "tasker-"+strconv.Itoa(os.Geteuid()))
		}
	}
	return filepath.Join(base, "tasker", "testdb", strconv.Itoa(version)), nil
}

// withDatabase points a connection string, a URL or libpq keywords, to another database of its server.
func withDatabase(dsn, database string) string {
	if u, err := url.Parse(dsn); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		u.Path = "/" + database
		return u.String()
	}
	return dsn + " dbname=" + database // of two, the last one counts
}

// A test process has no last moment in which it could stop the server, least of all if it is killed. A keeper does it: the
// same program, started once more, which outlives the tests until nobody has used the server for keeperLinger.
const (
	keeperVariable = "TASKER_TESTDB_KEEPER"
	keeperLinger   = 2 * time.Second
)

func init() {
	dir := os.Getenv(keeperVariable)
	if dir == "" {
		return
	}
	err := embedpg.StopWhenUnused(context.Background(), embedpg.Options{DataDir: dir}, keeperLinger)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// postKeeper starts a keeper in a session of its own and forgets it. All but one of a server's keepers leave at once.
func postKeeper(dir string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), keeperVariable+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
