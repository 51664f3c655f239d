package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/config"
)

// side is one of the languages that are compared.
type side struct {
	language  string
	template  *catalog.Template
	rounds    []round
	latencies []time.Duration
}

// Compare measures handlers in another language against handlers in Go: a server, and a worker process of each, which run
// the same shape in turns, round by round. Whatever disturbs the machine disturbs both.
func Compare(ctx context.Context, cfg *config.Config, o Options) (c *Comparison, err error) {
	if o.Host == nil {
		return nil, errors.New("a comparison needs another language")
	}
	o.Processes, o.Backlog = 1, 0
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
	m.statements = func(context.Context) (int64, error) { return 0, nil } // other languages do not count theirs

	sides := []*side{{language: "go", template: e.template}, {language: o.Host.Name}}
	if sides[1].template, err = e.system.Catalog.Register(ctx, o.Shape.templateFor(o.Host.Name), false); err != nil {
		return nil, fmt.Errorf("register the shape: %w", err)
	}
	if err := compareRounds(ctx, &o, e, m, sides); err != nil {
		return nil, err
	}
	return newComparison(&o, m, sides[0], sides[1]), nil
}

func compareRounds(ctx context.Context, o *Options, e *engine, m *meter, sides []*side) error {
	for _, s := range sides {
		e.template = s.template
		if _, err := e.work(ctx, o.warmUp()); err != nil {
			return fmt.Errorf("warm up handlers in %s: %w", s.language, err)
		}
	}
	if err := m.vacuum(ctx); err != nil {
		return err
	}
	for n := range o.Rounds {
		for _, s := range sides {
			e.template = s.template
			r, err := compareRound(ctx, o, e, m)
			if err != nil {
				return fmt.Errorf("round %d, handlers in %s: %w", n+1, s.language, err)
			}
			s.rounds, s.latencies = append(s.rounds, r), append(s.latencies, r.latencies...)
		}
	}
	return nil
}

func compareRound(ctx context.Context, o *Options, e *engine, m *meter) (r round, err error) {
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

// Comparison is what [Compare] measured. Figures per second are medians over the rounds, latencies are over all tasks.
type Comparison struct {
	Shape         string `json:"shape"`
	StepsPerTask  int    `json:"steps_per_task"`
	Tasks         int    `json:"tasks"` // of each round, of each language
	Rounds        int    `json:"rounds"`
	Concurrency   int    `json:"concurrency"`
	Slots         int    `json:"slots"`
	PayloadBytes  int    `json:"payload_bytes"`
	ServerVersion string `json:"server_version"`
	CPUs          int    `json:"cpus"`
	Durable       bool   `json:"durable"`

	// Languages are Go and the other one.
	Languages [2]LanguageReport `json:"languages"`
	// AddedMSPerStep is how much longer the other language takes for each step that follows on another, by the medians.
	AddedMSPerStep float64 `json:"added_ms_per_step"`
	// Ratio is the other language's steps per second over Go's, the median over pairs of rounds.
	Ratio float64 `json:"ratio"`
	// ForeignCPUShare is the share of the machine that others used meanwhile. Nil where it cannot be read.
	ForeignCPUShare *float64 `json:"foreign_cpu_share"`
}

// LanguageReport is what handlers of one language did.
type LanguageReport struct {
	Language              string    `json:"language"`
	StepsPerSecond        float64   `json:"steps_per_second"`
	P50MS                 float64   `json:"p50_ms"` // from a task's request to its end
	P99MS                 float64   `json:"p99_ms"`
	CPUMicrosPerStep      *float64  `json:"cpu_us_per_step"` // of all processes
	StepsPerSecondByRound []float64 `json:"steps_per_second_by_round"`
}

func newComparison(o *Options, m *meter, ours, theirs *side) *Comparison {
	c := &Comparison{
		Shape: o.Shape.Name, StepsPerTask: o.Shape.Steps(), Tasks: o.Tasks, Rounds: o.Rounds, Concurrency: o.Concurrency, Slots: o.Slots,
		PayloadBytes: len(resultOf(o.Payload)), ServerVersion: m.server.version, CPUs: runtime.NumCPU(), Durable: m.server.durable,
	}
	var used usage
	for i, s := range []*side{ours, theirs} {
		l := LanguageReport{Language: s.language, P50MS: percentile(s.latencies, 0.5), P99MS: percentile(s.latencies, 0.99)}
		var own usage
		for n := range s.rounds {
			own = own.plus(s.rounds[n].used)
			l.StepsPerSecondByRound = append(l.StepsPerSecondByRound, s.rounds[n].stepsPerSecond())
		}
		l.StepsPerSecond = median(l.StepsPerSecondByRound)
		if m.cpu != nil {
			steps := float64(len(s.rounds) * o.Tasks * o.Shape.Steps())
			l.CPUMicrosPerStep = new(float64((own.cpu.server + own.cpu.own).Microseconds()) / steps)
		}
		used, c.Languages[i] = used.plus(own), l
	}
	var ratios []float64
	for n := range ours.rounds {
		ratios = append(ratios, theirs.rounds[n].stepsPerSecond()/ours.rounds[n].stepsPerSecond())
	}
	c.Ratio = median(ratios)
	c.AddedMSPerStep = (c.Languages[1].P50MS - c.Languages[0].P50MS) / float64(o.Shape.Depth())
	if m.cpu != nil {
		c.ForeignCPUShare = new(used.cpu.foreign())
	}
	return c
}
