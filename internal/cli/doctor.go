package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/embedpg"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// finding is the answer to one of the doctor's questions.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Detail string `json:"detail"`
}

// What a finding means: all is well, something needs attention, or Tasker cannot work.
const (
	findingOK   = "ok"
	findingWarn = "warn"
	findingFail = "fail"
)

func (a *app) newDoctorCommand() *cobra.Command {
	var output format
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what keeps Tasker from working, and what tasks wait for",
		Long: `Find out what keeps Tasker from working, and what tasks wait for. Exits with 1 if something has failed; warnings exit with 0.

Like every command it starts the private PostgreSQL server if that is configured and does not run, and brings the schema up
to date.`,
		Args: exactly(),
		RunE: a.run(func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := a.load()
			if err != nil {
				return err
			}
			d := &doctor{app: a, cfg: cfg}
			d.examine(cmd.Context())
			if err := d.print(output); err != nil {
				return err
			}
			if d.failed {
				return &exitError{code: exitFailed}
			}
			return nil
		}),
	}
	addOutput(cmd, &output, "an array of findings")
	return cmd
}

// doctor collects findings.
type doctor struct {
	app      *app
	cfg      *config.Config
	findings []finding
	failed   bool
}

func (d *doctor) find(check, status, detail string, args ...any) {
	d.findings = append(d.findings, finding{check, status, fmt.Sprintf(detail, args...)})
	d.failed = d.failed || status == findingFail
}

func (d *doctor) examine(ctx context.Context) {
	if d.cfg.Database.URL == "" {
		if dir, version, err := embedpg.FindBinaries(d.app.getenv); err != nil {
			d.find("programs", findingFail, "%v", err)
		} else {
			d.find("programs", findingOK, "PostgreSQL %d in %s", version, dir)
		}
	} else {
		d.find("programs", findingOK, "not needed: a database is configured")
	}
	err := d.app.withSystem(ctx, func(ctx context.Context, s *system.SystemContext) error {
		return errors.Join(d.connection(ctx, s), d.transport(ctx, s.Store), d.tasks(ctx, s.Store), d.queues(ctx, s.Store), d.workers(ctx, s.Store))
	})
	if err != nil {
		d.find("database", findingFail, "%v", err)
	}
}

func (d *doctor) connection(ctx context.Context, s *system.SystemContext) error {
	if server := s.Server(); server != nil {
		d.find("data folder", findingOK, "%s; server process %d; its log is %s", server.DataDir(), server.PostmasterPID(), server.LogPath())
	}
	if err := s.Store.Ping(ctx); err != nil { // opens the connection that is then timed
		return err
	}
	begun := time.Now()
	found, err := s.Store.Inspect(ctx)
	if err != nil {
		return err
	}
	took := time.Since(begun)
	d.find("connection", findingOK, "PostgreSQL %s answered within %s", found.ServerVersion, took.Round(time.Microsecond))
	d.find("schema", findingOK, "up to date: %s", strings.Join(found.Migrations, ", "))
	d.clock(found.Now.Sub(begun.Add(took / 2)))
	return nil
}

// skewed is how far clocks may be apart before it is worth a word.
const skewed = time.Second

// clock tells how far the database's clock is ahead of this machine's. Nothing but the times that people read depends on
// it.
func (d *doctor) clock(ahead time.Duration) {
	if ahead.Abs() < skewed {
		d.find("clock", findingOK, "this machine's and the database's agree to %s", ahead.Abs().Round(time.Millisecond))
		return
	}
	which := "ahead of"
	if ahead < 0 {
		which = "behind"
	}
	d.find("clock", findingWarn, "the database's clock is %s %s this machine's; times that you read here are off by that", seconds(ahead.Abs()), which)
}

func (d *doctor) tasks(ctx context.Context, s *store.Store) error {
	open := func(states ...workflow.TaskState) (int64, error) {
		page, err := s.Tasks(ctx, store.TaskFilter{States: states, Limit: 1})
		return page.Total, err
	}
	var running []workflow.TaskState
	for _, state := range workflow.TaskStates {
		if !state.Terminal() && state != workflow.TaskBlockedByFailures {
			running = append(running, state)
		}
	}
	n, err := open(running...)
	if err != nil {
		return err
	}
	d.find("tasks", findingOK, "%s under way", count(n, "task"))
	if n, err = open(workflow.TaskBlockedByFailures); err != nil || n == 0 {
		return err
	}
	d.find("blocked", findingWarn, "%s blocked by failed steps; see 'tasker task list --status blocked_by_failures'", count(n, "task"))
	return nil
}

// waitsLong is how long a step may wait before it is worth a word, beside the time a worker takes to look.
const waitsLong = 10 * time.Second

func (d *doctor) queues(ctx context.Context, s *store.Store) error {
	queues, err := s.Queues(ctx)
	if err != nil {
		return err
	}
	if len(queues) == 0 {
		d.find("queue", findingOK, "empty")
	}
	for _, q := range queues {
		status, why := findingOK, "about to be taken"
		waited := time.Since(q.Oldest)
		if reason := q.Reason(); reason != "" {
			why = reason
			if waited > waitsLong || q.Workers == 0 || !q.Offered {
				status = findingWarn
			}
		}
		d.find("queue", status, "%s for %s in %s, the oldest for %s: %s", count(q.Ready, "step"), q.Callable, q.Namespace, seconds(max(waited, 0)), why)
	}
	return nil
}

func (d *doctor) workers(ctx context.Context, s *store.Store) error {
	workers, err := s.Workers(ctx, false)
	if err != nil {
		return err
	}
	var live, slots, busy int32
	for _, w := range workers {
		if w.State == store.WorkerLost {
			d.find("workers", findingWarn, "%s (process %d on %s) was last heard of %s ago; its steps run again elsewhere",
				w.Name, w.PID, w.Hostname, seconds(max(time.Since(w.HeartbeatAt), 0)))
			continue
		}
		live, slots, busy = live+1, slots+w.Slots, busy+w.Busy
	}
	d.find("workers", findingOK, "%d live, %s, %d busy", live, count(slots, "slot"), busy)
	return nil
}

func (d *doctor) print(f format) error {
	if f == formatJSON {
		return d.app.printJSON(d.findings)
	}
	t := newTable("", "CHECK", "FINDING")
	for _, one := range d.findings {
		t.add(one.Status, one.Check, one.Detail)
	}
	return t.print(d.app.Stdout, 0)
}
