package embedpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MinVersion is the oldest PostgreSQL major version Tasker works with.
const MinVersion = 15

// wellKnownDirs are where packagers put the server programs, as patterns. Within a pattern the highest version wins.
var wellKnownDirs = []string{
	"/usr/lib/postgresql/*/bin",                                       // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                                // Red Hat, from postgresql.org
	"/usr/libexec/postgresql*",                                        // Alpine
	"/usr/lib/postgresql*/bin",                                        // SUSE
	"/usr/lib64/postgresql-*/bin",                                     // Gentoo
	"/usr/local/pgsql/bin",                                            // built from source
	"/opt/homebrew/opt/postgresql@*/bin",                              // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",                                 // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin",              // Postgres.app
	"/opt/bitnami/postgresql/bin",                                     // Bitnami images
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",                 // Homebrew on Linux
	"/run/current-system/sw/bin", "/nix/var/nix/profiles/default/bin", // Nix
}

const installHint = "install PostgreSQL 15 or newer (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; " +
	"Alpine: apk add postgresql; macOS: brew install postgresql@17), or set TASKER_PG_BIN to the directory that holds postgres and initdb, " +
	"or set DATABASE_URL to use a server you run yourself"

// FindBinaries returns the directory of the PostgreSQL server programs and their major version. TASKER_PG_BIN decides
// alone if it is set; otherwise PATH comes before the usual places of the packagers, where the highest version wins.
// A nil getenv reads the process environment. The error names every place searched and what to install.
func FindBinaries(getenv func(string) string) (dir string, version int, err error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	found, err := findBinaries(getenv("TASKER_PG_BIN"), getenv("PATH"), wellKnownDirs, func(int) bool { return true })
	return found.dir, found.version, err
}

// binaries is one set of server programs.
type binaries struct {
	dir     string
	version int
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// findBinaries returns the first set at or above [MinVersion] that accept takes. Only explicit is looked at if given.
func findBinaries(explicit, path string, patterns []string, accept func(version int) bool) (binaries, error) {
	search := binarySearch{accept: accept}
	if explicit != "" {
		if search.try(explicit) {
			return search.found, nil
		}
		return binaries{}, fmt.Errorf("no usable PostgreSQL server programs in %s, the one place to look that was named (TASKER_PG_BIN)%s; %s",
			explicit, search.reasons(), installHint)
	}
	for _, dir := range filepath.SplitList(path) {
		if search.try(dir) {
			return search.found, nil
		}
	}
	for _, pattern := range patterns {
		dirs, _ := filepath.Glob(pattern) // its only error is a malformed pattern
		prefix, _, _ := strings.Cut(pattern, "*")
		slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(versionAfter(prefix, b), versionAfter(prefix, a)) })
		if slices.ContainsFunc(dirs, search.try) {
			return search.found, nil
		}
	}
	return binaries{}, fmt.Errorf("no usable PostgreSQL server programs found in TASKER_PG_BIN (not set), PATH (%s), %s%s; %s",
		path, strings.Join(patterns, ", "), search.reasons(), installHint)
}

// binarySearch remembers why it passed over directories that do hold a server.
type binarySearch struct {
	accept   func(version int) bool
	found    binaries
	rejected []string
}

func (s *binarySearch) try(dir string) bool {
	if dir == "" {
		return false
	}
	postgres, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return false
	}
	real := filepath.Dir(postgres) // distributions link only some of the programs into PATH
	version, err := probe(real)
	switch {
	case err != nil:
		s.rejected = append(s.rejected, fmt.Sprintf("%s: %v", real, err))
	case version < MinVersion:
		s.rejected = append(s.rejected, fmt.Sprintf("%s: version %d is older than %d", real, version, MinVersion))
	case !s.accept(version):
		s.rejected = append(s.rejected, fmt.Sprintf("%s: version %d is not the one asked for", real, version))
	default:
		s.found = binaries{dir: real, version: version}
		return true
	}
	return false
}

func (s *binarySearch) reasons() string {
	if len(s.rejected) == 0 {
		return ""
	}
	return " (passed over " + strings.Join(s.rejected, "; ") + ")"
}

var versionOutput = regexp.MustCompile(`PostgreSQL\) (\d+)`)

// probe returns the major version of the programs in dir, once it has seen that all that are needed are there.
func probe(dir string) (version int, err error) {
	if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
		return 0, errors.New("initdb is missing beside postgres")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("postgres --version: %w", err)
	}
	match := versionOutput.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("postgres --version answered %q", out)
	}
	return strconv.Atoi(string(match[1]))
}

// versionAfter is the number that follows prefix in path, so that 15 sorts above 9.6.
func versionAfter(prefix, path string) int {
	rest := strings.TrimPrefix(path, prefix)
	version, _ := strconv.Atoi(rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))])
	return version
}
