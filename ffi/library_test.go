package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheLibraryKeepsWhatItPromises(t *testing.T) {
	t.Parallel()
	build(t, "")
	t.Log(run(t, patience, nil, "scripts/lib-check.sh", "build/lib/test-plain/libtasker.so"))
}

func TestEachCodeAnswersTheCallThatEarnsIt(t *testing.T) {
	t.Parallel()
	play(t, patience, "contract")
}

func TestTokensCannotBeMisused(t *testing.T) {
	t.Parallel()
	play(t, patience, "misuse")
}

func TestGarbageThroughEveryEntryHarmsNothing(t *testing.T) {
	t.Parallel()
	require.Greater(t, play(t, patience, "garbage", "2", "1")["calls"], 1000.0)
}

func TestRoundTripsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	for _, batch := range []string{"1", "32"} {
		f := play(t, patience, "soak", "200000", batch, "600")
		require.LessOrEqual(t, f["fds.after"], f["fds"])
		require.LessOrEqual(t, f["threads.after"], f["threads"]+spareThreads)
		require.Less(t, f["rss_most_kb"]-f["rss_before_kb"], 8192.0, "the heap may find its size yet")
	}
	play(t, patience, "soak", "200", "4", "5000000")
	play(t, patience, "soak", "2000", "32", "0")
}

func TestForkedChildrenAreKeptOutAndTheParentLivesOn(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"loaded", "idle", "active"} {
		for _, how := range []string{"fork", "_Fork", "raw"} {
			play(t, patience, "fork", phase, how)
		}
	}
}

func TestSignalsAreTheHosts(t *testing.T) {
	t.Parallel()
	for _, which := range []string{"interrupt", "masks", "storm", "prof", "harden", "pipe"} {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			play(t, patience, "signals", which)
		})
	}
}

func TestPanicsAreAnsweredAndTheLibraryGoesOn(t *testing.T) {
	t.Parallel()
	play(t, patience, "panic")
}

func TestTheLogIsTheHosts(t *testing.T) {
	t.Parallel()
	play(t, patience, "log")
}

func TestTheEnvironmentIsThatOfTheMomentAndNeighboursAreSeen(t *testing.T) {
	t.Parallel()
	driver := build(t, hooks)
	build(t, "")
	second := "TASKER_DRIVER_SECOND_LIBRARY=" + filepath.Join(root(t), "build/lib/test-plain/libtasker.so")
	require.Contains(t, run(t, patience, []string{second}, driver, "process"), "ok process")
}

func TestLivesOfAWorkerAreFlat(t *testing.T) {
	t.Parallel()
	requireFlat(t, play(t, patience, "restart", "100"), 8192)
}

// spareThreads are what the Go runtime may add on a machine that keeps its threads waiting. It ends none, and needs no more
// after a while; one that each trip or life left behind would be more.
const spareThreads = 10

// requireFlat holds figures of before and after against each other.
func requireFlat(t *testing.T, f map[string]float64, rssKB float64) {
	t.Helper()
	require.LessOrEqual(t, f["fds.after"], f["fds"])
	require.LessOrEqual(t, f["threads.after"], f["threads"]+min(f["cycles"]/4, spareThreads), "half of the cycles were measured")
	require.LessOrEqual(t, f["rss_kb.after"]-f["rss_kb"], rssKB)
}

func TestShutdownRacesEverythingElse(t *testing.T) {
	t.Parallel()
	require.Greater(t, play(t, patience, "races", "2")["rounds"], 10.0)
}

func TestTheEventDescriptorIsFarQuickerThanASleepLoop(t *testing.T) {
	t.Parallel()
	f := play(t, patience, "latency")
	require.Less(t, f["p50.eventfd"], f["p50.sleep"]/20)
	require.Less(t, f["p50.poll"], f["p50.sleep"]/20)
}

func TestValgrindFindsNothingLost(t *testing.T) {
	t.Parallel()
	valgrind(t, "contract")
}

// valgrind plays a scenario under it. Go's stacks and heap look like stray memory to it, so its list of invalid accesses
// tells nothing; what was allocated by C and lost, or freed wrongly, does.
func valgrind(t *testing.T, scenario ...string) {
	t.Helper()
	driver := build(t, hooks)
	out := run(t, 10*time.Minute, nil, "valgrind", append([]string{"--leak-check=full", "--errors-for-leak-kinds=definite",
		"--undef-value-errors=no", "--error-limit=no", driver}, scenario...)...)
	require.Contains(t, out, "ok "+scenario[0])
	require.Contains(t, out, "definitely lost: 0 bytes in 0 blocks")
	require.NotContains(t, out, "Invalid free")
	require.NotContains(t, out, "Mismatched free")
}
