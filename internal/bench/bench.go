// Package bench measures the engine: it runs workflows of a given shape on a database of their own and compares what they
// cost with what the machine can do at all. The figures that `tasker bench` prints, and their terms, are explained in
// docs/benchmarks.md.
package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"time"

	"github.com/tasker-systems/tasker-go/internal/config"
)

// Options say what is measured. Only Shape is required.
type Options struct {
	Shape Shape
	// Tasks are run in each round. Defaults to what takes a second or two.
	Tasks int
	// Concurrency is how many tasks are under way at any time. Defaults to 200.
	Concurrency int
	// Rounds are measured one after the other, each with the machine's limit beside it. Defaults to 5.
	Rounds int
	// Slots is how many steps a process runs at once. Defaults to what the concurrent tasks can make use of, 64 to 1024.
	Slots int
	// Payload is the size of each step's result, in bytes of JSON. Below 16 it is a small object.
	Payload int
	// Waiting tasks stand in the queue all the while, for a handler that nobody serves.
	Waiting int
	// Backlog, if not 0, is how many tasks of the shape are in the queue before the worker starts. Rounds then work off
	// Tasks of them each, rather than submit tasks and wait for their ends.
	Backlog int
	// SnapshotHeld keeps a snapshot open from the first round to the last, as a forgotten transaction or a dump would.
	SnapshotHeld bool
	// Processes, if not 0, is the number of worker processes that share the work; this one is then a server alone.
	Processes int
	// WorkerCommand makes the command that runs [RunWorker] in a process of its own; needed for Processes.
	WorkerCommand func() *exec.Cmd
	// Host is another language, whose handlers [Compare] measures against those in Go.
	Host *Host
	// LimitTime is how long each measurement of the machine's limit takes. Defaults to 1 second.
	LimitTime time.Duration
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

const (
	minSlots, maxSlots = 64, 1024
	// A round takes so many steps for each concurrent task, within bounds.
	stepsEach, maxSteps = 4_000, 40_000
	// The warm-up is as many tasks as hold at least so many steps.
	warmUpSteps = 4_000
)

func (o *Options) complete() error {
	if o.Concurrency <= 0 {
		o.Concurrency = 200
	}
	steps := o.Shape.Steps()
	if o.Tasks <= 0 {
		o.Tasks = max(min(stepsEach*o.Concurrency, maxSteps)/steps, o.Concurrency)
	}
	if o.Rounds <= 0 {
		o.Rounds = 5
	}
	if o.Slots <= 0 {
		o.Slots = min(max(o.Concurrency*o.Shape.Width, minSlots), maxSlots)
	}
	if o.LimitTime <= 0 {
		o.LimitTime = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Processes > 0 && o.WorkerCommand == nil {
		return errors.New("worker processes need a command that starts them")
	}
	if o.Processes > 0 && o.Backlog > 0 {
		return errors.New("a backlog is worked off by one process: leave out either the backlog or the processes")
	}
	if need := o.warmUp() + o.Rounds*o.Tasks + o.Slots; o.Backlog > 0 && o.Backlog < need {
		return fmt.Errorf("a backlog of %d tasks is too small: the warm-up, %d rounds of %d tasks and %d slots use up %d", o.Backlog, o.Rounds, o.Tasks, o.Slots, need)
	}
	return nil
}

// warmUp is the number of tasks that are run before anything is measured.
func (o *Options) warmUp() int {
	steps := o.Shape.Steps()
	return min(max((warmUpSteps+steps-1)/steps, min(o.Concurrency, o.Tasks)), max(o.Tasks, 1))
}

// Run measures. It works in a database of its own on the configured server, which it drops in the end, also when ctx is
// cancelled meanwhile.
func Run(ctx context.Context, cfg *config.Config, o Options) (r *Report, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	db, err := createDatabase(ctx, cfg, o.Logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.drop(context.WithoutCancel(ctx))) }()

	e, err := startEngine(ctx, cfg, db.dsn, &o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.stop(context.WithoutCancel(ctx))) }()
	m, err := openMeter(ctx, db, e)
	if err != nil {
		return nil, err
	}
	defer m.close()
	limit, err := openLimit(ctx, db.dsn)
	if err != nil {
		return nil, err
	}
	defer limit.close()

	r, err = measure(ctx, &o, e, m, limit)
	if err != nil {
		return nil, err
	}
	if err := e.stop(ctx); err != nil { // its connections report their statistics when they close
		return nil, err
	}
	r.HotUpdateRatio, err = m.hotUpdateRatio(ctx)
	return r, err
}

// measure warms up and runs the rounds.
func measure(ctx context.Context, o *Options, e *engine, m *meter, l *limit) (*Report, error) {
	if _, err := e.work(ctx, o.warmUp()); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	if err := m.vacuum(ctx); err != nil {
		return nil, err
	}
	if o.SnapshotHeld {
		release, err := holdSnapshot(ctx, m.dsn)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	rounds := make([]round, 0, o.Rounds)
	for n := range o.Rounds {
		r, err := measureRound(ctx, o, e, m, l)
		if err != nil {
			return nil, fmt.Errorf("round %d: %w", n+1, err)
		}
		rounds = append(rounds, r)
	}
	return newReport(o, m, rounds), nil
}

func measureRound(ctx context.Context, o *Options, e *engine, m *meter, l *limit) (r round, err error) {
	if r.inserts, err = l.throughput(ctx, o.LimitTime); err != nil {
		return r, err
	}
	if r.commits, err = l.commits(ctx, o.LimitTime/4); err != nil {
		return r, err
	}
	before, err := m.read(ctx)
	if err != nil {
		return r, err
	}
	if r.latencies, err = e.work(ctx, o.Tasks); err != nil {
		return r, err
	}
	after, err := m.read(ctx)
	r.used, r.steps = after.since(before), o.Tasks*o.Shape.Steps()
	return r, err
}
