package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// workerVariable makes the test program a worker process.
const workerVariable = "TASKER_BENCH_TEST_WORKER"

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(hostVariable) != "":
		err = runHost(os.Stdin, os.Stdout)
	case os.Getenv(workerVariable) != "":
		err = RunWorker(context.Background(), os.Stdin, os.Stdout, slog.New(slog.DiscardHandler))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func workerCommand() *exec.Cmd { return processOf(workerVariable) }

// processOf is the test program in the part that the variable names.
func processOf(variable string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable+"=1", testkit.EndsAtOnce())
	return cmd
}

func shape(t *testing.T, name string) Shape {
	t.Helper()
	s, err := ParseShape(name)
	require.NoError(t, err)
	return s
}

// TestRunsMeasure has a server of its own: what the server counts for all of its databases must not be others' work.
func TestRunsMeasure(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	cfg := config.Default()
	cfg.Database.URL = config.Secret(cluster.DSN("postgres"))
	run := func(t *testing.T, o Options) *Report {
		o.LimitTime, o.Logger, o.WorkerCommand = 20*time.Millisecond, slog.New(slog.DiscardHandler), workerCommand
		r, err := Run(t.Context(), cfg, o)
		require.NoError(t, err)
		require.Len(t, r.StepsPerSecondByRound, o.Rounds)
		require.Positive(t, r.StepsPerSecond)
		require.Positive(t, r.LimitInsertsPerSecond)
		require.Positive(t, r.RatioToLimit)
		require.Positive(t, r.SingleCommitMS)
		require.Greater(t, r.WALBytesPerStep, 100.0)
		require.Greater(t, r.HotUpdateRatio, 0.3)
		require.LessOrEqual(t, r.HotUpdateRatio, 1.0)
		require.True(t, r.Durable)
		if runtime.GOOS == "linux" {
			require.NotNil(t, r.CPUMicrosPerStep)
			require.Greater(t, *r.CPUMicrosPerStep, *r.ServerCPUMicrosPerStep)
			require.Positive(t, *r.ServerCPUMicrosPerStep)
			require.GreaterOrEqual(t, *r.ForeignCPUShare, 0.0)
			require.Less(t, *r.ForeignCPUShare, 1.0)
		}
		return r
	}
	t.Run("one at a time, a step is a commit and a statement", func(t *testing.T) {
		r := run(t, Options{Shape: shape(t, "linear4"), Tasks: 50, Concurrency: 1, Rounds: 2})
		require.Equal(t, 4, r.StepsPerTask)
		require.Equal(t, 64, r.Slots)
		// Five for a task of four steps, and now and then, however slow the machine is, one of the engine's own.
		perSecond := 1 / slices.Min(r.StepsPerSecondByRound) // for each step, what comes once in a second
		require.InDelta(t, 1.25, r.CommitsPerStep, 0.1+2*perSecond)
		require.InDelta(t, 1.25, r.StatementsPerStep, 0.2+10*perSecond)
		require.GreaterOrEqual(t, *r.P99MS, *r.P50MS)
		require.Positive(t, *r.P50MS)
		require.Positive(t, r.SingleCommitMS)
	})
	t.Run("many at once, steps share commits", func(t *testing.T) {
		r := run(t, Options{Shape: shape(t, "dag7"), Tasks: 200, Concurrency: 100, Rounds: 1, Payload: 300, SnapshotHeld: true, Waiting: 700})
		require.Equal(t, 300, r.Slots)
		require.Equal(t, 300, r.PayloadBytes)
		require.Less(t, r.CommitsPerStep, 0.5)
		require.Greater(t, r.WALBytesPerStep, 300.0)
	})
	t.Run("worker processes share the work", func(t *testing.T) {
		r := run(t, Options{Shape: shape(t, "diamond"), Tasks: 30, Concurrency: 5, Rounds: 2, Processes: 2})
		require.Equal(t, 2, r.Processes)
		require.Greater(t, r.StatementsPerStep, 0.25)
		require.Positive(t, *r.P50MS)
	})
	t.Run("a backlog is worked off", func(t *testing.T) {
		r := run(t, Options{Shape: shape(t, "chain:2"), Tasks: 100, Rounds: 2, Backlog: 600, Slots: 64})
		require.Nil(t, r.P50MS)
		require.Nil(t, r.P99MS)
		require.Less(t, r.CommitsPerStep, 0.5)
	})
	t.Run("nothing is left behind", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), cluster.DSN("postgres"))
		require.NoError(t, err)
		defer conn.Close(context.Background())
		var left int
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from pg_database where starts_with(datname, $1)", databasePrefix).Scan(&left))
		require.Zero(t, left)
	})
}

func TestAReportIsOneObjectWithAllItsKeys(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(&Report{})
	require.NoError(t, err)
	var keys map[string]any
	require.NoError(t, json.Unmarshal(raw, &keys))
	for _, key := range []string{
		"steps_per_second", "p50_ms", "p99_ms", "commits_per_step", "statements_per_step", "wal_bytes_per_step", "cpu_us_per_step",
		"hot_update_ratio", "limit_inserts_per_second", "ratio_to_limit", "single_commit_ms", "foreign_cpu_share",
	} {
		require.Contains(t, keys, key)
	}
	require.Nil(t, keys["cpu_us_per_step"])
}

func TestAReportSumsItsRounds(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	rounds := []round{
		{steps: 100, inserts: 1000, latencies: []time.Duration{3 * ms, 1 * ms}, commits: []time.Duration{ms},
			used: usage{wall: time.Second, cpu: cpuTimes{server: 8 * ms, own: 2 * ms, busy: 30 * ms, all: 100 * ms}, walBytes: 5000, writes: 20, queries: 30}},
		{steps: 100, inserts: 500, latencies: []time.Duration{2 * ms}, commits: []time.Duration{ms},
			used: usage{wall: 2 * time.Second, cpu: cpuTimes{server: 12 * ms, own: 8 * ms, busy: 50 * ms, all: 100 * ms}, walBytes: 15000, writes: 20, queries: 10}},
	}
	r := newReport(&Options{Shape: shape(t, "linear4")}, &meter{cpu: &cpuMeter{}}, rounds)
	require.Equal(t, []float64{100, 50}, r.StepsPerSecondByRound)
	require.InDelta(t, 75, r.StepsPerSecond, 1e-9)
	require.InDelta(t, 0.1, r.RatioToLimit, 1e-9)
	require.InDelta(t, 2, *r.P50MS, 1e-9)
	require.InDelta(t, 100, r.WALBytesPerStep, 1e-9)
	require.InDelta(t, 0.2, r.CommitsPerStep, 1e-9)
	require.InDelta(t, 0.2, r.StatementsPerStep, 1e-9)
	require.InDelta(t, 150, *r.CPUMicrosPerStep, 1e-9)
	require.InDelta(t, 100, *r.ServerCPUMicrosPerStep, 1e-9)
	require.InDelta(t, 0.25, *r.ForeignCPUShare, 1e-9)

	var text strings.Builder
	require.NoError(t, r.WriteTable(&text))
	require.Contains(t, text.String(), "0.10 of the limit")
	require.Contains(t, text.String(), "a noisy run")
	require.Contains(t, text.String(), "does not wait for the disk")
	r.CPUMicrosPerStep, r.P50MS, r.Backlog = nil, nil, 10
	text.Reset()
	require.NoError(t, r.WriteTable(&text))
	require.Contains(t, text.String(), "out of a backlog of 10")
	require.NotContains(t, text.String(), "us a step")
}

func TestABacklogMustOutlastTheRun(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), config.Default(), Options{Shape: shape(t, "chain:1"), Tasks: 10, Backlog: 20})
	require.ErrorContains(t, err, "a backlog of 20 tasks is too small")
}
