package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func (a *app) newTaskCommand() *cobra.Command {
	commands := append([]*cobra.Command{
		a.newTaskCreateCommand(), a.newTaskGetCommand(), a.newTaskListCommand(), a.newTaskStepsCommand(), a.newTaskStepCommand(),
		a.newTaskStepAuditCommand(), a.newTaskCancelCommand(), a.newTaskWatchCommand(),
	}, a.taskHandCommands()...)
	group := a.newGroup("task", "Create, follow, cancel and repair tasks", commands...)
	group.Long = `Create, follow, cancel and repair tasks.

With --url or TASKER_URL these commands talk to that server. Without, they open the configured database themselves.`
	return group
}

// parseTask reads the argument that names a task.
func parseTask(argument string) (sdk.UUID, error) {
	id, err := sdk.ParseUUID(argument)
	if err != nil {
		return id, usagef("%q is not a task's UUID, such as 01932f7e-5b2a-7cc3-98c4-dc0c0c07398f; 'tasker task list' shows them", argument)
	}
	return id, nil
}

// withTask makes the function of a command about one task.
func (a *app) withTask(server *serverFlags, f func(ctx context.Context, c *client.Client, task sdk.UUID) error) func(*cobra.Command, []string) error {
	return a.run(func(cmd *cobra.Command, args []string) error {
		id, err := parseTask(args[0])
		if err != nil {
			return err
		}
		return a.withClient(cmd.Context(), server, func(ctx context.Context, c *client.Client) error { return f(ctx, c, id) })
	})
}

func (a *app) newTaskGetCommand() *cobra.Command {
	var output format
	var server serverFlags
	cmd := &cobra.Command{
		Use: "get TASK", Short: "Show a task and its steps", Args: exactly("TASK"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.withTask(&server, func(ctx context.Context, c *client.Client, task sdk.UUID) error {
			if output == formatJSON {
				t, err := c.GetTask(ctx, task)
				if err != nil {
					return gaveUp(ctx, err)
				}
				return a.printJSON(t)
			}
			s, err := look(ctx, c, task)
			if err != nil {
				return err
			}
			return a.printTask(s)
		}),
	}
	server.add(cmd)
	addOutput(cmd, &output, "the task as the API has it")
	return cmd
}

// taskAnswerCommand is a command about a task whose whole outcome is an answer of the API: as JSON, or as print has it.
func taskAnswerCommand[T any](a *app, use, short, asJSON string, ask func(context.Context, *client.Client, sdk.UUID) (T, error),
	print func(T) error) *cobra.Command {
	var output format
	var server serverFlags
	cmd := &cobra.Command{
		Use: use, Short: short, Args: exactly("TASK"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.withTask(&server, func(ctx context.Context, c *client.Client, task sdk.UUID) error {
			answer, err := ask(ctx, c, task)
			if err != nil {
				return gaveUp(ctx, err)
			}
			if output == formatJSON {
				return a.printJSON(answer)
			}
			return print(answer)
		}),
	}
	server.add(cmd)
	addOutput(cmd, &output, asJSON)
	return cmd
}

func (a *app) newTaskStepsCommand() *cobra.Command {
	return taskAnswerCommand(a, "steps TASK", "Show the steps of a task with their results", "the steps as the API has them",
		func(ctx context.Context, c *client.Client, task sdk.UUID) ([]client.StepResponse, error) {
			return c.ListTaskSteps(ctx, task)
		},
		a.printSteps)
}

func (a *app) newTaskCancelCommand() *cobra.Command {
	return taskAnswerCommand(a, "cancel TASK", "End a task and its open steps", "the task as the API has it",
		func(ctx context.Context, c *client.Client, task sdk.UUID) (*client.TaskResponse, error) {
			return c.CancelTask(ctx, task)
		},
		func(t *client.TaskResponse) error {
			_, err := fmt.Fprintf(a.Stdout, "task %s is %s\n", t.TaskUUID, t.Status)
			return err
		})
}

func (a *app) newTaskWatchCommand() *cobra.Command {
	var output format
	var server serverFlags
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "watch TASK", Short: "Show a task as it moves, until it has ended or is blocked", Args: exactly("TASK"), ValidArgsFunction: cobra.NoFileCompletions,
		Long: `Show a task as it moves, until it has ended or is blocked by failures: as a live picture on a terminal, else a line for each
change. Interrupting this command leaves the task alone.`,
		RunE: a.withTask(&server, func(ctx context.Context, c *client.Client, task sdk.UUID) error {
			return a.watch(ctx, c, task, output, timeout)
		}),
	}
	server.add(cmd)
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "give up after this time, with exit code 3 (default: never)")
	addOutput(cmd, &output, "a line of JSON for each change")
	return cmd
}

// watch follows a task. Its error is nil only if the task is done.
func (a *app) watch(ctx context.Context, c *client.Client, task sdk.UUID, output format, timeout time.Duration) error {
	ctx, cancel := withTimeout(ctx, timeout)
	defer cancel()
	s, err := follow(ctx, c, task, a.newView(output))
	if err != nil {
		return a.left(task, err)
	}
	return outcome(s.task)
}

// withTimeout bounds ctx; 0 is no bound.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, timeout, errTimeout)
}

// printTask writes a task and its steps for people.
func (a *app) printTask(s *snapshot) error {
	t := s.task
	facts := newTable("task", t.TaskUUID.String())
	facts.add("template", templateOf(t))
	facts.add("status", t.Status)
	facts.add("steps", fmt.Sprintf("%d of %d complete, %d in progress, %d failed", t.CompletedSteps, t.TotalSteps, t.InProgressSteps, t.FailedSteps))
	facts.add("created", t.CreatedAt.Format(time.RFC3339))
	if t.CompletedAt != nil {
		facts.add("completed", fmt.Sprintf("%s, after %s", t.CompletedAt.Format(time.RFC3339), seconds(t.CompletedAt.Sub(t.CreatedAt.Time))))
	}
	for _, more := range [][2]string{{"initiator", t.Initiator}, {"reason", t.Reason}, {"tags", strings.Join(t.Tags, ", ")}} {
		if more[1] != "" {
			facts.add(more[0], more[1])
		}
	}
	facts.add("correlation", t.CorrelationID.String())
	facts.add("context", compact(t.Context))
	if err := facts.print(a.Stdout, a.width()); err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout)
	return a.printSteps(s.steps)
}

// printSteps writes steps for people, each with its result or its error.
func (a *app) printSteps(steps []client.StepResponse) error {
	list := newTable("STEP", "STATE", "ATTEMPTS", "TOOK", "RESULT")
	for i := range steps {
		s := &steps[i]
		took, result := "-", "-"
		if r := execution(s); r != nil {
			took, result = milliseconds(r.Metadata.ExecutionTimeMS), compact(r.Result)
			if r.Error != nil {
				result = r.Error.Message
			}
		}
		list.add(s.Name, s.CurrentState, fmt.Sprintf("%d/%d", s.Attempts, s.MaxAttempts), took, result)
	}
	return list.print(a.Stdout, a.width())
}
