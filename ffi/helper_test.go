package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The tests of this package build the library as users get it and drive it from C: testdata/driver holds the scenarios.

// patience is how long a program may take that is not known to take long, on a busy machine.
const patience = 5 * time.Minute

// run runs a program at the root of the module and returns what it wrote.
func run(t testing.TB, timeout time.Duration, env []string, name string, args ...string) string {
	t.Helper()
	out, err := try(t, timeout, env, name, args...)
	require.NoError(t, err, "%s %s\n%s", filepath.Base(name), strings.Join(args, " "), out)
	return out
}

func try(t testing.TB, timeout time.Duration, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = root(t), append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done within %s", timeout)
	}
	return out.String(), err
}

func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	require.NoError(t, err)
	return dir
}

// build makes a library and the driver over it, once for each pair of tags.
func build(t testing.TB, tags string) (driver string) {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	if builds.drivers[tags] != "" {
		return builds.drivers[tags]
	}
	dir := filepath.Join("build", "lib", "test-"+cmpOr(tags, "plain"))
	lib := filepath.Join(dir, "libtasker.so")
	run(t, 10*time.Minute, []string{"VERSION=test"}, "scripts/lib-build.sh", lib, tags)
	driver = filepath.Join(root(t), dir, "driver")
	sources, err := filepath.Glob("testdata/driver/*.c")
	require.NoError(t, err)
	args := []string{"-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-Iinclude", "-o", driver}
	for _, s := range sources {
		args = append(args, filepath.Join("ffi", s))
	}
	run(t, 10*time.Minute, nil, compiler(), append(args, "-L"+dir, "-ltasker", "-lpthread", "-ldl", "-Wl,-rpath,"+filepath.Join(root(t), dir))...)
	builds.drivers[tags] = driver
	return driver
}

var builds = struct {
	sync.Mutex
	drivers map[string]string
}{drivers: map[string]string{}}

// hooks is the library over a core without a database.
const hooks = "tasker_testhooks"

func compiler() string { return cmpOr(os.Getenv("CC"), "gcc") }

func cmpOr(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}

// play runs a scenario and returns its figures: what it printed as name=value.
func play(t testing.TB, timeout time.Duration, scenario string, args ...string) map[string]float64 {
	t.Helper()
	out := run(t, timeout, nil, build(t, hooks), append([]string{scenario}, args...)...)
	t.Log(strings.TrimSpace(out))
	require.Contains(t, out, "ok "+scenario)
	return figures(out)
}

var figure = regexp.MustCompile(`(\w+)=([0-9.]+)(?:->([0-9.]+))?`)

// figures reads name=value and name=before->after, the latter as name and name.after.
func figures(out string) map[string]float64 {
	all := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		prefix := ""
		for _, m := range figure.FindAllStringSubmatch(lines.Text(), -1) {
			v, _ := strconv.ParseFloat(m[2], 64)
			all[prefix+m[1]] = v
			if m[3] != "" {
				all[m[1]+".after"], _ = strconv.ParseFloat(m[3], 64)
			}
		}
		if way := regexp.MustCompile(`way=(\w+) p50_us=([0-9.]+)`).FindStringSubmatch(lines.Text()); way != nil {
			all["p50."+way[1]], _ = strconv.ParseFloat(way[2], 64)
		}
	}
	return all
}
