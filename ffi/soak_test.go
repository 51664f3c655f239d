//go:build soak

package main

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSoakTenMillionRoundTrips(t *testing.T) {
	f := play(t, time.Hour, "soak", "10000000", "256", "600")
	require.Less(t, f["rss_after_kb"]-f["rss_before_kb"], 1024.0)
	require.LessOrEqual(t, f["fds.after"], f["fds"])
	require.LessOrEqual(t, f["threads.after"], f["threads"]+2)
}

func TestSoakMixedSizes(t *testing.T) {
	for _, size := range []string{"0", "100", "2000", "10000", "100000", "5000000"} {
		trips := map[string]string{"100000": "50000", "5000000": "2000"}[size]
		if trips == "" {
			trips = "1000000"
		}
		play(t, time.Hour, "soak", trips, "32", size)
	}
}

func TestSoakGarbage(t *testing.T) {
	seed := fmt.Sprint(time.Now().UnixNano())
	f := play(t, 10*time.Minute, "garbage", "60", seed)
	t.Logf("%.0f calls, seed %s", f["calls"], seed)
}

func TestSoakForkTwoHundredTimes(t *testing.T) {
	for range 10 { // each plays twenty forks in each of nine ways
		for _, phase := range []string{"loaded", "idle", "active"} {
			for _, how := range []string{"fork", "_Fork", "raw"} {
				play(t, patience, "fork", phase, how)
			}
		}
	}
}

func TestSoakSignals(t *testing.T) {
	for range 20 {
		for _, which := range []string{"interrupt", "masks", "storm", "prof", "harden", "pipe"} {
			play(t, patience, "signals", which)
		}
	}
}

func TestSoakThousandLives(t *testing.T) {
	requireFlat(t, play(t, time.Hour, "restart", "4000"), 1024)
}

func TestSoakThousandLivesOverPostgreSQL(t *testing.T) {
	requireFlat(t, restarts(t, "2000"), 4096)
}

func TestSoakShutdownRaces(t *testing.T) {
	play(t, 10*time.Minute, "races", "60")
}

func TestSoakValgrind(t *testing.T) {
	for _, scenario := range [][]string{{"contract"}, {"misuse"}, {"panic"}, {"log"}, {"soak", "2000", "8", "600"}, {"garbage", "20", "7"}, {"races", "5"}} {
		valgrind(t, scenario...)
	}
}

// TestSoakAddressSanitizer has the compiler watch the memory that passes between host and library.
func TestSoakAddressSanitizer(t *testing.T) {
	dir := "build/lib/test-asan"
	run(t, 20*time.Minute, []string{"VERSION=test", "LIB_GOFLAGS=-asan"}, "scripts/lib-build.sh", dir+"/libtasker.so", hooks)
	sources, err := filepath.Glob("testdata/driver/*.c")
	require.NoError(t, err)
	driver := filepath.Join(root(t), dir, "driver")
	args := []string{"-fsanitize=address", "-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-Iinclude", "-o", driver}
	for _, s := range sources {
		args = append(args, filepath.Join("ffi", s))
	}
	run(t, patience, nil, compiler(), append(args, "-L"+dir, "-ltasker", "-lpthread", "-ldl", "-Wl,-rpath,"+filepath.Join(root(t), dir))...)
	for _, scenario := range [][]string{{"contract"}, {"misuse"}, {"log"}, {"soak", "200000", "32", "600"}, {"garbage", "20", "3"}, {"races", "10"}} {
		t.Log(run(t, 10*time.Minute, nil, driver, scenario...))
	}
}
