package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// banned is what code within somebody else's process must not do.
var banned = regexp.MustCompile(`\b(signal\.(Notify|Ignore|Reset)|os\.(Stdout|Stderr|Exit|Getenv|LookupEnv|Environ|Setenv|Unsetenv|Chdir)|` +
	`log\.(Fatal|Panic|Print)|fmt\.Print|syscall\.Umask|exec\.Command)`)

// allowed are the places where it is right, by the file and a part of the line.
var allowed = map[string]string{
	"internal/embedpg/binaries.go": "", // defaults for Go programs, and the server's own programs
	"internal/embedpg/cluster.go":  "exec.CommandContext",
	"internal/embedpg/embedpg.go":  "os.Getenv",
	"internal/system/context.go":   "os.Getenv", // a default that the library replaces
	"internal/config/load.go":      "//",
	"ffi/bridge/processors.go":     `os.Getenv("GOMAXPROCS")`, // which the scheduler itself took from there
}

// spawns are the files of the library that start goroutines, each of which recovers.
var spawns = []string{"ffi/bridge/supervise.go", "ffi/bridge/engine/core.go", "ffi/log.go", "ffi/bridge/loopback/core.go"}

func TestTheLibraryKeepsItsHandsOffTheProcess(t *testing.T) {
	t.Parallel()
	list := run(t, patience, nil, "go", "list", "-deps", "-f", `{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}`, "./ffi")
	checked := 0
	for _, dir := range strings.Fields(list) {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			name, err := filepath.Rel(root(t), file)
			require.NoError(t, err)
			checkHabits(t, filepath.ToSlash(name))
			checked++
		}
	}
	require.Greater(t, checked, 50)
}

func checkHabits(t *testing.T, name string) {
	raw, err := os.ReadFile(filepath.Join("..", name))
	require.NoError(t, err)
	for n, line := range strings.Split(string(raw), "\n") {
		part, ok := allowed[name]
		if banned.MatchString(line) && !(ok && strings.Contains(line, part)) {
			t.Errorf("%s:%d: %s", name, n+1, strings.TrimSpace(line))
		}
		if strings.HasPrefix(name, "ffi/") && strings.HasPrefix(strings.TrimSpace(line), "go ") && !slices.Contains(spawns, name) {
			t.Errorf("%s:%d starts a goroutine by itself: use the supervisor", name, n+1)
		}
	}
}

func TestTheHabitsAreRecognised(t *testing.T) {
	t.Parallel()
	for _, line := range []string{`signal.Notify(c)`, `fmt.Println("x")`, `v := os.Getenv("X")`, `log.Fatalf("x")`, `cmd := exec.CommandContext(ctx, "x")`, `os.Exit(1)`} {
		require.True(t, banned.MatchString(line), line)
	}
	for _, line := range []string{`fmt.Fprintf(&b, "x")`, `o.Getenv("X")`, `slog.Info("x")`} {
		require.False(t, banned.MatchString(line), line)
	}
}
