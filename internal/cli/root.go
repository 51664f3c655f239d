package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `Tasker runs durable workflows on PostgreSQL. A template (YAML) names steps and what each depends on; handlers in Go,
Python or Ruby do the work of the steps.

Without a database address Tasker runs a private PostgreSQL server of its own. Try it: tasker demo`

// newRootCommand builds the command tree.
func (a *app) newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "tasker", Short: "Durable workflows on PostgreSQL", Long: rootLong,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetArgs(a.Args)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	a.global.add(root)
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run:"}, &cobra.Group{ID: "use", Title: "Use:"}, &cobra.Group{ID: "keep", Title: "Look after:"})
	a.addTo(root, "run", a.newDemoCommand(), a.newDevCommand(), a.newServerCommand(), a.newWorkerCommand())
	a.addTo(root, "use", a.newTaskCommand(), a.newDLQCommand(), a.newTemplateCommand())
	a.addTo(root, "keep", a.newMigrateCommand(), a.newDoctorCommand(), a.newCheckCommand(), a.newBenchCommand(), a.newConfigCommand(), a.newVersionCommand())
	root.SetCompletionCommandGroupID("keep")
	root.SetHelpCommandGroupID("keep")
	return root
}

func (a *app) addTo(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// newGroup makes a command that only holds others.
func (a *app) newGroup(use, short string, commands ...*cobra.Command) *cobra.Command {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name())
	}
	group := &cobra.Command{
		Use: use, Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q for %q; there are %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
			}
			return fmt.Errorf("%q needs a command after it: %s", cmd.CommandPath(), strings.Join(names, ", "))
		},
	}
	group.AddCommand(commands...)
	return group
}

// exactly wants one argument for each name.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s is missing", names[len(args)])
		case len(args) > len(names):
			return fmt.Errorf("argument %q is one too many", args[len(names)])
		}
		return nil
	}
}

// atLeast wants one argument or more.
func atLeast(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s is missing", name)
		}
		return nil
	}
}

// run makes the function of a command. What fails before it is called is a mistake in the command line.
func (a *app) run(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		return f(cmd, args)
	}
}
