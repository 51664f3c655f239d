package bench

import (
	"runtime"
	"slices"
	"time"
)

// Report is what was measured. Figures per second are medians over the rounds, latencies are over all tasks, and figures
// per step are sums over all rounds divided by their steps.
type Report struct {
	Shape        string `json:"shape"`
	StepsPerTask int    `json:"steps_per_task"`
	Tasks        int    `json:"tasks"` // of each round
	Rounds       int    `json:"rounds"`
	Concurrency  int    `json:"concurrency"`
	Slots        int    `json:"slots"` // of each process
	// Processes is the number of worker processes; 0 says that one process did everything.
	Processes     int    `json:"processes"`
	PayloadBytes  int    `json:"payload_bytes"`
	Waiting       int    `json:"waiting"`
	Backlog       int    `json:"backlog"`
	SnapshotHeld  bool   `json:"snapshot_held"`
	ServerVersion string `json:"server_version"`
	CPUs          int    `json:"cpus"`
	// Durable says that the server waits for the disk at each commit.
	Durable bool `json:"durable"`

	StepsPerSecond float64 `json:"steps_per_second"`
	// P50MS and P99MS are from a task's request to its end, in milliseconds. Nil where a backlog was worked off.
	P50MS *float64 `json:"p50_ms"`
	P99MS *float64 `json:"p99_ms"`
	// CommitsPerStep counts transactions that wrote.
	CommitsPerStep    float64 `json:"commits_per_step"`
	StatementsPerStep float64 `json:"statements_per_step"`
	WALBytesPerStep   float64 `json:"wal_bytes_per_step"`
	// CPUMicrosPerStep is the processor time of the server's processes and ours. Nil where it cannot be read: off Linux,
	// or with a server on another machine.
	CPUMicrosPerStep       *float64 `json:"cpu_us_per_step"`
	ServerCPUMicrosPerStep *float64 `json:"server_cpu_us_per_step"`
	HotUpdateRatio         float64  `json:"hot_update_ratio"`

	// LimitInsertsPerSecond is how many rows a second the machine inserts durably, one a transaction, on 32 connections.
	LimitInsertsPerSecond float64 `json:"limit_inserts_per_second"`
	RatioToLimit          float64 `json:"ratio_to_limit"`
	// SingleCommitMS is how long one such insert takes when it is alone, in milliseconds.
	SingleCommitMS float64 `json:"single_commit_ms"`

	// ForeignCPUShare is the share of the machine that others used meanwhile: throughput and latency suffer from it, figures
	// per step hardly. Nil where it cannot be read.
	ForeignCPUShare *float64 `json:"foreign_cpu_share"`
	// StepsPerSecondByRound shows whether it gets slower.
	StepsPerSecondByRound []float64 `json:"steps_per_second_by_round"`
}

// round is what one round came to.
type round struct {
	steps     int
	used      usage
	latencies []time.Duration
	inserts   float64         // the limit, per second
	commits   []time.Duration // single inserts
}

func (r *round) stepsPerSecond() float64 { return float64(r.steps) / r.used.wall.Seconds() }

func newReport(o *Options, m *meter, rounds []round) *Report {
	r := &Report{
		Shape: o.Shape.Name, StepsPerTask: o.Shape.Steps(), Tasks: o.Tasks, Rounds: o.Rounds, Concurrency: o.Concurrency,
		Slots: o.Slots, Processes: o.Processes, PayloadBytes: len(resultOf(o.Payload)), Waiting: o.Waiting, Backlog: o.Backlog,
		SnapshotHeld: o.SnapshotHeld, ServerVersion: m.server.version, Durable: m.server.durable, CPUs: runtime.NumCPU(),
	}
	var used usage
	var steps float64
	var latencies, commits []time.Duration
	var limits, ratios []float64
	for i := range rounds {
		n := &rounds[i]
		used, steps = used.plus(n.used), steps+float64(n.steps)
		latencies, commits = append(latencies, n.latencies...), append(commits, n.commits...)
		r.StepsPerSecondByRound = append(r.StepsPerSecondByRound, n.stepsPerSecond())
		limits, ratios = append(limits, n.inserts), append(ratios, n.stepsPerSecond()/n.inserts)
	}
	r.StepsPerSecond, r.LimitInsertsPerSecond, r.RatioToLimit = median(r.StepsPerSecondByRound), median(limits), median(ratios)
	r.SingleCommitMS = percentile(commits, 0.5)
	if len(latencies) > 0 {
		r.P50MS, r.P99MS = new(percentile(latencies, 0.5)), new(percentile(latencies, 0.99))
	}
	r.CommitsPerStep, r.StatementsPerStep = float64(used.writes)/steps, float64(used.queries)/steps
	r.WALBytesPerStep = float64(used.walBytes) / steps
	if m.cpu != nil {
		micros := func(d time.Duration) *float64 { return new(float64(d) / float64(time.Microsecond) / steps) }
		r.CPUMicrosPerStep, r.ServerCPUMicrosPerStep = micros(used.cpu.server+used.cpu.own), micros(used.cpu.server)
		r.ForeignCPUShare = new(used.cpu.foreign())
	}
	return r
}

// median leaves its argument as it is.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// percentile is in milliseconds. It sorts its argument.
func percentile(d []time.Duration, share float64) float64 {
	slices.Sort(d)
	return d[int(share*float64(len(d)-1))].Seconds() * 1000
}
