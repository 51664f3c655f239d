package embedpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const superuser = "tasker"

// clusterVersion returns the major version that wrote the cluster, or 0 if there is none yet.
func (s *Server) clusterVersion() (int, error) {
	content, err := os.ReadFile(filepath.Join(s.cluster, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the private database: %w", err)
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the private database: %s holds %q", filepath.Join(s.cluster, "PG_VERSION"), content)
	}
	return version, nil
}

// chooseBinaries finds programs that fit the cluster: those of its own major version, or any if there is no cluster.
func (s *Server) chooseBinaries() (binaries, error) {
	cluster, err := s.clusterVersion()
	if err != nil {
		return binaries{}, err
	}
	explicit := s.opts.BinDir
	if explicit == "" {
		explicit = s.opts.Getenv("TASKER_PG_BIN")
	}
	path := s.opts.Getenv("PATH")
	bin, err := findBinaries(explicit, path, wellKnownDirs, func(version int) bool { return cluster == 0 || version == cluster })
	if err == nil || cluster == 0 {
		return bin, err
	}
	other, otherErr := findBinaries(explicit, path, wellKnownDirs, func(int) bool { return true })
	if otherErr != nil {
		return binaries{}, err
	}
	return binaries{}, &VersionError{ClusterDir: s.cluster, Cluster: cluster, BinDir: other.dir, Binaries: other.version}
}

// VersionError reports a cluster that the programs found cannot read: each major version reads only its own files.
type VersionError struct {
	ClusterDir        string
	Cluster, Binaries int // major versions
	BinDir            string
}

func (e *VersionError) Error() string {
	home := filepath.Dir(e.ClusterDir)
	return fmt.Sprintf("%s was written by PostgreSQL %d and cannot be read by the PostgreSQL %d in %s. Install PostgreSQL %d beside it, "+
		"or move the data over: with the programs of version %d run `pg_ctl -D %s start`, `pg_dumpall -h %s -U %s > tasker.sql` and "+
		"`pg_ctl -D %s stop`; move %s away; start Tasker; then `psql -h %s -U %s -d postgres -f tasker.sql`",
		e.ClusterDir, e.Cluster, e.Binaries, e.BinDir, e.Cluster, e.Cluster, e.ClusterDir, home, superuser,
		e.ClusterDir, home, home, superuser)
}

// create makes the cluster beside its final place and renames it, so that an interrupted creation is just made again.
func (s *Server) create(ctx context.Context, bin binaries) error {
	began := time.Now()
	unfinished := s.cluster + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("remove an unfinished private database: %w", err)
	}
	args := []string{"-D", unfinished, "-U", superuser, "--auth-local=trust", "--auth-host=reject", "-E", "UTF8", "--locale=C", "--no-instructions"}
	if s.opts.FastUnsafe {
		args = append(args, "--no-sync")
	}
	if out, err := s.command(ctx, bin.path("initdb"), args...).CombinedOutput(); err != nil {
		return explainCreation(s.explain("create the private database", bin, err, string(out)), s.owner)
	}
	if err := os.Rename(unfinished, s.cluster); err != nil {
		return fmt.Errorf("create the private database: %w", err)
	}
	if err := syncDir(s.dataDir); err != nil {
		return fmt.Errorf("create the private database: %w", err)
	}
	s.log.Info("private PostgreSQL database created", "data_dir", s.dataDir, "version", bin.version, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// explainCreation adds what to do about initdb's one demand that is met nearly everywhere but in containers.
func explainCreation(err error, own owner) error {
	if !strings.Contains(err.Error(), "could not look up effective user ID") {
		return err
	}
	return fmt.Errorf("%w; initdb runs only for accounts that the system knows: add %s to /etc/passwd, or run as another user", err, own.name)
}

// command prepares a program to run in the data directory, as its owner and with next to nothing of this
// process's environment: its secrets are not the server's business, and PG* variables would change what programs do.
func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.dataDir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "HOME=" + s.dataDir}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value := s.opts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = s.owner.sysProcAttr()
	cmd.WaitDelay = time.Second
	return cmd
}

// explain turns the failure of a child into an error that says what it printed and, if it could not even run, why.
func (s *Server) explain(doing string, bin binaries, err error, output string) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w%s", doing, err, traversalHint(s.owner, s.dataDir, bin.dir))
	}
	if output = strings.TrimSpace(output); output != "" {
		return fmt.Errorf("%s: %w\n%s", doing, err, output)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
