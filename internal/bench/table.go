package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// noisy is the share of foreign processor time from which on throughput says little.
const noisy = 0.15

// WriteTable writes the report for people.
func (r *Report) WriteTable(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %d steps a task, %d rounds of %d tasks, %s, %d slots, %s\n", r.Shape, r.StepsPerTask, r.Rounds, r.Tasks,
		r.source(), r.Slots, processes(r.Processes))
	fmt.Fprintf(&text, "PostgreSQL %s, %d CPUs", r.ServerVersion, r.CPUs)
	if r.Waiting > 0 {
		fmt.Fprintf(&text, ", %d other tasks waiting", r.Waiting)
	}
	if r.SnapshotHeld {
		fmt.Fprint(&text, ", a snapshot held open")
	}
	fmt.Fprint(&text, "\n\n")

	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	fmt.Fprint(w, "\tthis machine's limit\ttasker\t\n")
	fmt.Fprintf(w, "all at once\t%.0f durable inserts/s\t%.0f steps/s\t%.2f of the limit\n", r.LimitInsertsPerSecond, r.StepsPerSecond, r.RatioToLimit)
	if r.P50MS != nil {
		fmt.Fprintf(w, "time taken\t%.3f ms a commit\tp50 %.3f ms a task\tp99 %.3f ms\n", r.SingleCommitMS, *r.P50MS, *r.P99MS)
	} else {
		fmt.Fprintf(w, "time taken\t%.3f ms a commit\t\t\n", r.SingleCommitMS)
	}
	if r.CPUMicrosPerStep != nil {
		fmt.Fprintf(w, "CPU\t\t%.1f us a step\t%.1f us of it the server's\n", *r.CPUMicrosPerStep, *r.ServerCPUMicrosPerStep)
	}
	fmt.Fprintf(w, "database\t\t%.3f commits a step\t%.3f statements a step\n", r.CommitsPerStep, r.StatementsPerStep)
	fmt.Fprintf(w, "\t\t%.0f bytes of WAL a step\t%.1f %% of step updates HOT\n", r.WALBytesPerStep, r.HotUpdateRatio*100)
	if err := w.Flush(); err != nil {
		return err
	}
	r.notes(&text)
	_, err := io.WriteString(out, text.String())
	return err
}

func (r *Report) source() string {
	if r.Backlog > 0 {
		return fmt.Sprintf("out of a backlog of %d", r.Backlog)
	}
	return fmt.Sprintf("%d at once", r.Concurrency)
}

func processes(n int) string {
	if n == 0 {
		return "one process"
	}
	return fmt.Sprintf("a server and %d worker processes", n)
}

// foreignNote says how much of the machine others used.
func foreignNote(text *strings.Builder, share *float64) {
	if share == nil {
		return
	}
	fmt.Fprintf(text, "\nOther programs used %.0f %% of the machine.", *share*100)
	if *share >= noisy {
		fmt.Fprint(text, " That is a noisy run: trust the figures per step rather than those of time.")
	}
	fmt.Fprintln(text)
}

func (r *Report) notes(text *strings.Builder) {
	foreignNote(text, r.ForeignCPUShare)
	if r.CPUMicrosPerStep == nil {
		fmt.Fprint(text, "\nCPU time is read on Linux, from a server on the same machine.\n")
	}
	if !r.Durable {
		fmt.Fprint(text, "\nThis server does not wait for the disk (fsync or synchronous_commit is off): the limit is not one of durable inserts.\n")
	}
}
