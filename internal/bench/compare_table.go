package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the comparison for people.
func (c *Comparison) WriteTable(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %d steps a task, %d rounds of %d tasks in each language, %d at once, results of %d bytes\n", c.Shape, c.StepsPerTask,
		c.Rounds, c.Tasks, c.Concurrency, c.PayloadBytes)
	fmt.Fprintf(&text, "a server and a worker process of each language with %d slots, PostgreSQL %s, %d CPUs\n\n", c.Slots, c.ServerVersion, c.CPUs)
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	fmt.Fprint(w, "\tsteps/s\tp50 ms a task\tp99 ms\tus CPU a step\t\n")
	for _, l := range c.Languages {
		cpu := "-"
		if l.CPUMicrosPerStep != nil {
			cpu = fmt.Sprintf("%.0f", *l.CPUMicrosPerStep)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.3f\t%.3f\t%s\t\n", l.Language, l.StepsPerSecond, l.P50MS, l.P99MS, cpu)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&text, "\n%s does %.2f of Go's steps/s, and a step takes %+.3f ms.\n", c.Languages[1].Language, c.Ratio, c.AddedMSPerStep)
	foreignNote(&text, c.ForeignCPUShare)
	_, err := io.WriteString(out, text.String())
	return err
}
