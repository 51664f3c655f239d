package cli

import (
	"github.com/spf13/cobra"
)

func (a *app) newDevCommand() *cobra.Command {
	n := &node{app: a, kind: "dev", api: true}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything in one process: database, orchestration, API and, with --builtin, handlers",
		Long: `Run everything in one process: the private PostgreSQL server unless a database is configured, orchestration, the HTTP API
and, with --builtin, a worker. Workers of your own, in any language, can join from other processes.`,
		Args: exactly(),
		RunE: a.run(func(cmd *cobra.Command, _ []string) error { return n.run(cmd.Context()) }),
	}
	n.addFlags(cmd)
	n.addAPIFlags(cmd)
	n.addWorkerFlags(cmd)
	return cmd
}

func (a *app) newServerCommand() *cobra.Command {
	n := &node{app: a, kind: "server", api: true}
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run orchestration and the API, without handlers",
		Args:  exactly(),
		RunE:  a.run(func(cmd *cobra.Command, _ []string) error { return n.run(cmd.Context()) }),
	}
	n.addFlags(cmd)
	n.addAPIFlags(cmd)
	return cmd
}

func (a *app) newWorkerCommand() *cobra.Command {
	n := &node{app: a, kind: "worker"}
	cmd := &cobra.Command{
		Use:   "worker --builtin",
		Short: "Run the built-in handlers, for benchmarks and for trying faults",
		Long: `Run the built-in handlers, for benchmarks and for trying faults. A worker with handlers of your own is a Go program that
calls worker.Run of sdk/worker, or a Python or Ruby program.

  noop     returns {}
  echo     returns the task's context
  sleep    returns after ms milliseconds (100)
  fail_n   fails its first n attempts (1)
  effect   writes a row to table tasker_effects of the database in TASKER_EFFECTS_URL when it starts and when it ends,
           ms milliseconds (0) later
  exit9    ends the process with code 9
  hang     ignores that it is cancelled, for ms milliseconds (forever)
  big      returns bytes bytes of JSON (65536)
  nul      returns a text with a zero character, which the database refuses

Each takes its parameters from the template's handler.initialization, else from the task's context.`,
		Args: exactly(),
		RunE: a.run(func(cmd *cobra.Command, _ []string) error {
			if !n.builtin {
				return usagef("this program has built-in handlers only: add --builtin, or write a worker of your own with sdk/worker")
			}
			return n.run(cmd.Context())
		}),
	}
	n.addFlags(cmd)
	n.addWorkerFlags(cmd)
	return cmd
}
