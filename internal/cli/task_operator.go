package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// handFlags say who acts on a task by hand, and why.
type handFlags struct {
	server     serverFlags
	output     format
	by, reason string
}

func (h *handFlags) add(a *app, cmd *cobra.Command) {
	h.server.add(cmd)
	f := cmd.Flags()
	f.StringVar(&h.reason, "reason", "", "why; it is kept in the trail (required)")
	f.StringVar(&h.by, "by", "", "who acts; it is kept in the trail (default USER)")
	addOutput(cmd, &h.output, "what the API answers")
	_ = cmd.MarkFlagRequired("reason")
}

// who is the one who acts.
func (h *handFlags) who(a *app) string {
	return cmp.Or(h.by, a.getenv("USER"), a.getenv("LOGNAME"), "tasker-cli")
}

// stepHandCommand is a command that acts on a step. change may complete the action.
func (a *app) stepHandCommand(name, action, short, long string, flags func(*cobra.Command), change func(*client.ManualAction) error) *cobra.Command {
	var h handFlags
	cmd := &cobra.Command{
		Use: name + " TASK STEP", Short: short, Long: long, Args: exactly("TASK", "STEP"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.run(func(cmd *cobra.Command, args []string) error {
			asked := client.NewAction(action, h.who(a), h.reason)
			if change != nil {
				if err := change(&asked); err != nil {
					return err
				}
			}
			return a.onStep(cmd.Context(), &h.server, args, func(ctx context.Context, c *client.Client, task, step sdk.UUID) error {
				after, err := c.ActOnStep(ctx, task, step, asked)
				if err != nil {
					return gaveUp(ctx, err)
				}
				if h.output == formatJSON {
					return a.printJSON(after)
				}
				_, err = fmt.Fprintf(a.Stdout, "step %s is %s\n", after.Name, after.CurrentState)
				return err
			})
		}),
	}
	h.add(a, cmd)
	if flags != nil {
		flags(cmd)
	}
	return cmd
}

// findStep takes a step's UUID, or its name in the task.
func findStep(ctx context.Context, c *client.Client, task sdk.UUID, argument string) (sdk.UUID, error) {
	if id, err := sdk.ParseUUID(argument); err == nil {
		return id, nil
	}
	steps, err := c.ListTaskSteps(ctx, task)
	if err != nil {
		return sdk.UUID{}, gaveUp(ctx, err)
	}
	names := make([]string, len(steps))
	for i := range steps {
		if names[i] = steps[i].Name; names[i] == argument {
			return steps[i].StepUUID, nil
		}
	}
	return sdk.UUID{}, usagef("task %s has no step %q; it has %s", task, argument, strings.Join(names, ", "))
}

func (a *app) taskHandCommands() []*cobra.Command {
	var result, metadata string
	complete := func(asked *client.ManualAction) error {
		if !json.Valid([]byte(result)) {
			return usagef("--result is not JSON")
		}
		asked.CompletionData = &client.ManualCompletionData{Result: json.RawMessage(result)}
		if metadata == "" {
			return nil
		}
		if err := json.Unmarshal([]byte(metadata), &asked.CompletionData.Metadata); err != nil {
			return usagef("--metadata is not a JSON object")
		}
		return nil
	}
	return []*cobra.Command{
		a.stepHandCommand("reset-step", client.ActionResetForRetry, "Give a failed step all its attempts again", "", nil, nil),
		a.stepHandCommand("resolve-step", client.ActionResolveManually, "End a step without a result; what waits for it goes on", "", nil, nil),
		a.stepHandCommand("complete-step", client.ActionCompleteManually, "End a step with a result of your own", "", func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&result, "result", "{}", "the step's result, as `JSON`; the steps after it read it")
			cmd.Flags().StringVar(&metadata, "metadata", "", "a `JSON` object that is kept beside the result")
		}, complete),
		a.stepHandCommand("retry-from", client.ActionRetryFrom, "Run a step again, and everything that depends on it",
			"Run a step again, and everything that depends on it, as if none of them had ever run. Handlers of theirs that run are stopped.", nil, nil),
		a.stepHandCommand("run-now", client.ActionRunNow, "Run a step that waits for its retry at once", "", nil, nil),
		a.taskHandCommand("pause", client.ActionPause, "Start no further step of a task; what runs may finish"),
		a.taskHandCommand("resume", client.ActionResume, "Let a paused task go on"),
		a.taskHandCommand("resolve", client.ActionResolveManually, "End a task as resolved by hand; its open steps are cancelled"),
	}
}

func (a *app) taskHandCommand(name, action, short string) *cobra.Command {
	var h handFlags
	cmd := &cobra.Command{
		Use: name + " TASK", Short: short, Args: exactly("TASK"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.withTask(&h.server, func(ctx context.Context, c *client.Client, task sdk.UUID) error {
			t, err := c.ActOnTask(ctx, task, client.NewAction(action, h.who(a), h.reason))
			if err != nil {
				return gaveUp(ctx, err)
			}
			if h.output == formatJSON {
				return a.printJSON(t)
			}
			paused := ""
			if t.PausedAt != nil {
				paused = " and paused"
			}
			_, err = fmt.Fprintf(a.Stdout, "task %s is %s%s\n", t.TaskUUID, t.Status, paused)
			return err
		}),
	}
	h.add(a, cmd)
	return cmd
}

// onStep calls f with the step that a command's arguments name.
func (a *app) onStep(ctx context.Context, server *serverFlags, args []string, f func(ctx context.Context, c *client.Client, task, step sdk.UUID) error) error {
	task, err := parseTask(args[0])
	if err != nil {
		return err
	}
	return a.withClient(ctx, server, func(ctx context.Context, c *client.Client) error {
		step, err := findStep(ctx, c, task, args[1])
		if err != nil {
			return err
		}
		return f(ctx, c, task, step)
	})
}

// withStep makes the function of a command about one step.
func (a *app) withStep(server *serverFlags, f func(ctx context.Context, c *client.Client, task, step sdk.UUID) error) func(*cobra.Command, []string) error {
	return a.run(func(cmd *cobra.Command, args []string) error { return a.onStep(cmd.Context(), server, args, f) })
}

func (a *app) newTaskStepCommand() *cobra.Command {
	var output format
	var server serverFlags
	cmd := &cobra.Command{
		Use: "step TASK STEP", Short: "Show a step with its result, and all its moves", Args: exactly("TASK", "STEP"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.withStep(&server, func(ctx context.Context, c *client.Client, task, id sdk.UUID) error {
			step, err := c.GetStep(ctx, task, id)
			if err != nil {
				return gaveUp(ctx, err)
			}
			if output == formatJSON {
				return a.printJSON(step)
			}
			if err := a.printSteps([]client.StepResponse{*step}); err != nil {
				return err
			}
			audit, err := c.StepAudit(ctx, task, id)
			if err != nil {
				return gaveUp(ctx, err)
			}
			fmt.Fprintln(a.Stdout)
			return a.printAudit(audit)
		}),
	}
	server.add(cmd)
	addOutput(cmd, &output, "the step as the API has it")
	return cmd
}

func (a *app) newTaskStepAuditCommand() *cobra.Command {
	var output format
	var server serverFlags
	cmd := &cobra.Command{
		Use: "step-audit TASK STEP", Short: "Show how a step's attempts ended, and what was done to it by hand", Args: exactly("TASK", "STEP"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.withStep(&server, func(ctx context.Context, c *client.Client, task, id sdk.UUID) error {
			audit, err := c.StepAudit(ctx, task, id)
			if err != nil {
				return gaveUp(ctx, err)
			}
			if output == formatJSON {
				return a.printJSON(audit)
			}
			return a.printAudit(audit)
		}),
	}
	server.add(cmd)
	addOutput(cmd, &output, "the moves as the API has them")
	return cmd
}

func (a *app) printAudit(audit []client.StepAudit) error {
	list := newTable("AT", "FROM", "TO", "WORKER", "DETAIL")
	for i := range audit {
		m := &audit[i]
		from, worker, detail := "-", "-", "-"
		if m.FromState != nil {
			from = *m.FromState
		}
		if m.WorkerUUID != nil {
			worker = *m.WorkerUUID
		}
		if m.Result != nil {
			detail = compact(m.Result)
		}
		list.add(m.RecordedAt.Format("2006-01-02T15:04:05.000Z"), from, m.ToState, worker, detail)
	}
	return list.print(a.Stdout, a.width())
}
