package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/store"
)

func (a *app) newCheckCommand() *cobra.Command {
	var output format
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look for what must not be in the database",
		Long: `Look for what must not be in the database: counters that miscount, steps without owner or with two, moves that are none,
work that nobody will ever do. It changes nothing, may run at any time, and takes time in proportion to the data. It exits
with 1 if it finds anything; please report that, with what it printed.`,
		Args: exactly(),
		RunE: a.run(func(cmd *cobra.Command, _ []string) error {
			violations, err := a.check(cmd)
			if err != nil {
				return err
			}
			if err := a.printViolations(output, violations); err != nil {
				return err
			}
			if len(violations) > 0 {
				return &exitError{code: exitFailed}
			}
			return nil
		}),
	}
	addOutput(cmd, &output, "all that was found")
	return cmd
}

func (a *app) check(cmd *cobra.Command) (violations []store.Violation, err error) {
	cfg, origins, err := a.load()
	if err != nil {
		return nil, err
	}
	logger, err := a.quietLogger(cfg, origins)
	if err != nil {
		return nil, err
	}
	dsn, closeDatabase, err := a.database(cmd.Context(), cfg, logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeDatabase()) }()
	s, err := store.Open(cmd.Context(), dsn, store.Options{ApplicationName: "tasker check"})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Check(cmd.Context())
}

func (a *app) printViolations(output format, violations []store.Violation) error {
	if output == formatJSON {
		if violations == nil {
			violations = []store.Violation{}
		}
		return a.printJSON(map[string]any{"violations": violations})
	}
	last := ""
	for _, v := range violations {
		if v.Check != last {
			fmt.Fprintf(a.Stdout, "%s: %s\n", v.Check, v.Rule)
			last = v.Check
		}
		where := "task " + v.TaskUUID.String()
		if v.Step != "" {
			where += " step " + v.Step
		}
		fmt.Fprintf(a.Stdout, "  %s: %s\n", printable(where), printable(v.Found))
	}
	if len(violations) == 0 {
		fmt.Fprintln(a.Stdout, "the database holds what it must")
		return nil
	}
	fmt.Fprintf(a.Stdout, "%s\n", count(len(violations), "violation"))
	return nil
}
