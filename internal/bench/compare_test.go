package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

// hostVariable makes the test program the worker of another language.
const hostVariable = "TASKER_BENCH_TEST_HOST"

// runHost is what such a worker does, whatever it is written in.
func runHost(in io.Reader, out io.Writer) (err error) {
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	var setup hostSetup
	if err := json.Unmarshal(first, &setup); err != nil {
		return err
	}
	cfg := config.Default()
	cfg.Database.URL = config.Secret(setup.Settings["database.url"].(string))
	ctx, quiet := context.Background(), slog.New(slog.DiscardHandler)
	s, err := system.Open(ctx, cfg, system.Options{Name: "tasker host", Logger: quiet})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r := sdk.NewRegistry()
	for _, name := range setup.Handlers {
		r.RegisterFunc(name, func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success(setup.Result), nil })
	}
	node, err := system.StartNode(ctx, s, &system.WorkerOptions{Registry: r})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, `{"Ready": true}`)
	_, err = io.Copy(io.Discard, lines)
	return errors.Join(err, node.Stop(ctx))
}

func hostCommand() *exec.Cmd {
	return processOf(hostVariable)
}

func TestHandlersInAnotherLanguageAreComparedWithGo(t *testing.T) {
	t.Parallel()
	cluster := testdb.NewCluster(t)
	cfg := config.Default()
	cfg.Database.URL = config.Secret(cluster.DSN("postgres"))
	c, err := Compare(t.Context(), cfg, Options{
		Shape: shape(t, "linear4"), Tasks: 20, Concurrency: 4, Rounds: 2, Payload: 1024, WorkerCommand: workerCommand,
		Host: &Host{Name: "cobol", Command: hostCommand}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	require.Equal(t, 1024, c.PayloadBytes)
	require.Positive(t, c.Ratio)
	for i, name := range []string{"go", "cobol"} {
		l := c.Languages[i]
		require.Equal(t, name, l.Language)
		require.Len(t, l.StepsPerSecondByRound, 2)
		require.Positive(t, l.P50MS)
		require.GreaterOrEqual(t, l.P99MS, l.P50MS)
	}
	var text strings.Builder
	require.NoError(t, c.WriteTable(&text))
	require.Contains(t, text.String(), "20 tasks in each language, 4 at once, results of 1024 bytes")
	require.Regexp(t, `cobol does \d+\.\d\d of Go's steps/s, and a step takes [+-]\d+\.\d{3} ms`, text.String())
}

func TestAWorkerOfAnotherLanguageThatCannotStartEndsTheComparison(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Database.URL = config.Secret(testdb.NewCluster(t).DSN("postgres"))
	_, err := Compare(t.Context(), cfg, Options{
		Shape: shape(t, "chain:1"), Tasks: 1, WorkerCommand: workerCommand, Logger: slog.New(slog.DiscardHandler),
		Host: &Host{Name: "cobol", Command: func() *exec.Cmd { return exec.Command("false") }},
	})
	require.ErrorContains(t, err, "worker process ended at its start")
}

func TestAWorkerThatEndsBeforeItReadsItsSetupIsSaidToHaveEndedAtItsStart(t *testing.T) {
	t.Parallel()
	setup := strings.Repeat("more than a pipe holds", 1<<16)
	_, err := startMember(exec.Command("sh", "-c", "exit 3"), setup, func(sdk.UUID) {}, func(error) {})
	require.ErrorContains(t, err, "worker process ended at its start")
	require.ErrorContains(t, err, "exit status 3")
}

func TestAComparisonSumsPairsOfRounds(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	rounds := func(walls ...time.Duration) (all []round) {
		for _, wall := range walls {
			all = append(all, round{steps: 100, used: usage{wall: wall, cpu: cpuTimes{server: 6 * ms, own: 4 * ms, busy: 40 * ms, all: 100 * ms}}})
		}
		return all
	}
	o := &Options{Shape: shape(t, "linear4"), Tasks: 25}
	c := newComparison(o, &meter{cpu: &cpuMeter{}},
		&side{language: "go", rounds: rounds(time.Second, 2*time.Second), latencies: []time.Duration{2 * ms, 2 * ms}},
		&side{language: "cobol", rounds: rounds(2*time.Second, 2*time.Second), latencies: []time.Duration{4 * ms, 4 * ms}})
	require.Equal(t, []float64{100, 50}, c.Languages[0].StepsPerSecondByRound)
	require.InDelta(t, 0.75, c.Ratio, 1e-9, "the median of 0.5 and 1")
	require.InDelta(t, 0.5, c.AddedMSPerStep, 1e-9, "2 ms more over four steps in a row")
	require.InDelta(t, 100, *c.Languages[1].CPUMicrosPerStep, 1e-9)
	require.InDelta(t, 0.3, *c.ForeignCPUShare, 1e-9)
}
