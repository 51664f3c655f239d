package cli

import (
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/bench"
	"github.com/tasker-systems/tasker-go/internal/config"
)

const benchLong = `Bench runs workflows whose steps do nothing, in a database of its own that it drops afterwards, and prints what they cost.
Beside that it prints what the machine could do at most: durable inserts of a single row, 32 side by side.

SHAPE is one of ` + bench.Shapes + `. Without one it is linear4.`

// newBenchCommand measures what the engine does on this machine, and what the machine could do at most.
func (a *app) newBenchCommand() *cobra.Command {
	var o bench.Options
	var output format
	var profile, handlers string
	cmd := &cobra.Command{
		Use: "bench [SHAPE]", Short: "Measure the engine, beside the machine's own limit", Long: benchLong,
		Example: `  tasker bench
  tasker bench diamond --concurrency 1
  tasker bench wide:1000 --concurrency 1 --output json
  tasker bench chain:1 --backlog 250000 --waiting 1000000
  tasker bench --handlers python
  tasker bench linear4 --transport pgmq`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.run(func(cmd *cobra.Command, args []string) (err error) {
			if o.Shape, err = bench.ParseShape(append(args, "linear4")[0]); err != nil {
				return &usageError{err}
			}
			cfg, origins, err := a.load()
			if err != nil {
				return err
			}
			if o.Logger, err = a.quietLogger(cfg, origins); err != nil {
				return err
			}
			o.WorkerCommand = benchWorkerCommand
			if handlers != "go" {
				return a.compare(cmd.Context(), cfg, o, handlers, output)
			}
			report, err := profiled(profile, func() (*bench.Report, error) { return bench.Run(cmd.Context(), cfg, o) })
			switch {
			case err != nil:
				return err
			case output == formatJSON:
				return a.printJSON(report)
			}
			return report.WriteTable(a.Stdout)
		}),
	}
	f := cmd.Flags()
	f.IntVar(&o.Tasks, "tasks", 0, "tasks in each round (default: what takes a second or two)")
	f.IntVar(&o.Concurrency, "concurrency", 0, "tasks under way at the same time (default 200)")
	f.IntVar(&o.Rounds, "rounds", 5, "rounds, each with the machine's limit measured beside it")
	f.IntVar(&o.Slots, "slots", 0, "steps that a process runs at once (default: what the tasks can use, 64 to 1024)")
	f.IntVar(&o.Payload, "payload", 0, "size of each step's result in `bytes` (default: a small object)")
	f.IntVar(&o.Waiting, "waiting", 0, "other tasks in the queue, for a handler that nobody serves")
	f.IntVar(&o.Backlog, "backlog", 0, "work off tasks from a queue of this many rather than submit them")
	f.BoolVar(&o.SnapshotHeld, "snapshot-held", false, "keep a snapshot open from the first round to the last")
	f.IntVar(&o.Processes, "processes", 0, "worker processes that share the work, beside a server (default: one process does all)")
	f.StringVar(&handlers, "handlers", "go", "compare handlers in this `language` with handlers in Go: "+languageNames()+
		" (default: one at a time, and 200 at once with 1 KB results)")
	f.StringVar(&profile, "cpu-profile", "", "write a CPU profile of this process to a `file`")
	addOutput(cmd, &output, "one object with all figures")
	cmd.AddCommand(a.newBenchWorkerCommand())
	return cmd
}

const benchWorker = "worker-process"

// newBenchWorkerCommand is what the benchmark starts when it is to use several processes.
func (a *app) newBenchWorkerCommand() *cobra.Command {
	return &cobra.Command{
		Use: benchWorker, Short: "Run steps for the benchmark that started this process", Hidden: true, Args: cobra.NoArgs,
		RunE: a.run(func(cmd *cobra.Command, _ []string) error {
			logger, err := a.quietLogger(config.Default(), nil)
			if err != nil {
				return err
			}
			return bench.RunWorker(cmd.Context(), a.Stdin, a.Stdout, logger)
		}),
	}
}

func benchWorkerCommand() *exec.Cmd {
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	return exec.Command(program, "bench", benchWorker)
}

// profiled writes a CPU profile of run to a file, if one is named.
func profiled(file string, run func() (*bench.Report, error)) (r *bench.Report, err error) {
	if file == "" {
		return run()
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("write the profile: %w", err)
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("write the profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return run()
}
