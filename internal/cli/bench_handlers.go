package cli

import (
	"context"
	"fmt"
	"os/exec"

	"github.com/tasker-systems/tasker-go/internal/bench"
	"github.com/tasker-systems/tasker-go/internal/config"
)

// comparisons are run where nothing is said of concurrency and payload: what a step costs, and what a full worker does.
var comparisons = []struct{ concurrency, payload int }{{1, 0}, {200, 1024}}

// compare measures handlers in another language against handlers in Go.
func (a *app) compare(ctx context.Context, cfg *config.Config, o bench.Options, name string, output format) error {
	l, err := findLanguage(name)
	if err != nil {
		return &usageError{err}
	}
	h, err := l.findHost(ctx, a.Environ)
	if err != nil {
		return err
	}
	o.Host = &bench.Host{Name: l.Name, Command: func() *exec.Cmd { return h.command(l.bench...) }}
	runs := comparisons
	if o.Concurrency != 0 || o.Payload != 0 {
		runs = []struct{ concurrency, payload int }{{o.Concurrency, o.Payload}}
	}
	for i, run := range runs {
		o.Concurrency, o.Payload = run.concurrency, run.payload
		report, err := bench.Compare(ctx, cfg, o)
		if err != nil {
			return err
		}
		if output == formatJSON {
			if err := a.printJSON(report); err != nil {
				return err
			}
			continue
		}
		if i == 0 {
			fmt.Fprintf(a.Stdout, "Handlers in Go against handlers in %s %s (%s).\n", l.Title, h.Version, h.program)
		}
		fmt.Fprintln(a.Stdout)
		if err := report.WriteTable(a.Stdout); err != nil {
			return err
		}
	}
	return nil
}
