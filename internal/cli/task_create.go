package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// createFlags are those of task create.
type createFlags struct {
	server      serverFlags
	output      format
	input       string
	priority    int32
	request     sdk.TaskRequest
	wait, watch bool
	timeout     time.Duration
}

func (a *app) newTaskCreateCommand() *cobra.Command {
	var f createFlags
	cmd := &cobra.Command{
		Use:   "create NAMESPACE/NAME[@VERSION]",
		Short: "Make a task by a registered template",
		Long: `Make a task by a registered template; without @VERSION by the latest one. Each call makes a new task, unless --key finds
the task that an earlier call with the same key made.`,
		Example: `  tasker task create shop/order@1.0.0 --input '{"items":[{"sku":"A1"}]}' --watch
  tasker task create shop/order --input @order.json --key order-42
  jq .order export.json | tasker task create shop/order --input - --wait --timeout 1m --output json`,
		Args:              exactly("NAMESPACE/NAME[@VERSION]"),
		ValidArgsFunction: a.completeTemplates,
		RunE: a.run(func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("priority") {
				f.request.Priority = &f.priority
			}
			var err error
			if f.request.Context, err = a.readInput(f.input); err != nil {
				return err
			}
			if err := parseTemplate(args[0], &f.request); err != nil {
				return err
			}
			return a.withClient(cmd.Context(), &f.server, func(ctx context.Context, c *client.Client) error { return a.createTask(ctx, c, &f) })
		}),
	}
	f.server.add(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&f.input, "input", "i", "{}", "the task's context: JSON, @file, or - for standard input")
	flags.StringVarP(&f.request.IdempotencyKey, "key", "k", "", "find the task that an earlier call with this key made, or make it")
	flags.Int32Var(&f.priority, "priority", 0, "-100 to 100, larger first")
	flags.StringVar(&f.request.Initiator, "initiator", "tasker-cli", "who asks for the task")
	flags.StringVar(&f.request.Reason, "reason", "", "why")
	flags.StringArrayVar(&f.request.Tags, "tag", nil, "a tag; can be repeated")
	flags.BoolVar(&f.wait, "wait", false, "wait until the task has ended or is blocked, and show it then")
	flags.BoolVar(&f.watch, "watch", false, "show the task as it moves")
	flags.DurationVar(&f.timeout, "timeout", 0, "with --wait or --watch: give up after this time, with exit code 3 (default: never)")
	cmd.MarkFlagsMutuallyExclusive("wait", "watch")
	addOutput(cmd, &f.output, "the task as the API has it, or with --watch a line for each change")
	return cmd
}

// createTask makes the task and, if asked to, sees it through.
func (a *app) createTask(ctx context.Context, c *client.Client, f *createFlags) error {
	f.request.SourceSystem = "tasker-cli"
	if f.request.Version == "" {
		version, err := latestVersion(ctx, c, f.request.Namespace, f.request.Name)
		if err != nil {
			return err
		}
		f.request.Version = version
	}
	t, err := c.CreateTask(ctx, f.request)
	switch {
	case client.IsNotFound(err):
		return fmt.Errorf("%w; 'tasker template list' shows those that are registered, 'tasker template register' adds one", gaveUp(ctx, err))
	case err != nil:
		return gaveUp(ctx, err)
	case f.watch:
		return a.watch(ctx, c, t.TaskUUID, f.output, f.timeout)
	case f.wait:
		return a.waitTask(ctx, c, t.TaskUUID, f)
	case f.output == formatJSON:
		return a.printJSON(t)
	}
	_, err = fmt.Fprintf(a.Stdout, "task %s is %s\n", t.TaskUUID, t.Status)
	return err
}

func (a *app) waitTask(ctx context.Context, c *client.Client, task sdk.UUID, f *createFlags) error {
	ctx, cancel := withTimeout(ctx, f.timeout)
	defer cancel()
	t, err := c.WaitTask(ctx, task, 0)
	if err != nil {
		return a.left(task, gaveUp(ctx, err))
	}
	if f.output == formatJSON {
		return errors.Join(a.printJSON(t), outcome(t))
	}
	s, err := look(ctx, c, task)
	if err != nil {
		return a.left(task, err)
	}
	if err := a.printTask(s); err != nil {
		return err
	}
	return outcome(t)
}

// parseTemplate reads NAMESPACE/NAME[@VERSION].
func parseTemplate(argument string, r *sdk.TaskRequest) error {
	path, version, _ := strings.Cut(argument, "@")
	namespace, name, ok := strings.Cut(path, "/")
	if !ok || namespace == "" || name == "" {
		return usagef("%q does not name a template; write NAMESPACE/NAME or NAMESPACE/NAME@VERSION, such as shop/order@1.0.0", argument)
	}
	r.Namespace, r.Name, r.Version = namespace, name, version
	return nil
}

// readInput reads JSON from the command line, a file, or standard input.
func (a *app) readInput(argument string) (json.RawMessage, error) {
	text, from := []byte(argument), "--input"
	var err error
	if argument == "-" {
		from = "standard input"
		text, err = io.ReadAll(a.Stdin)
	} else if path, ok := strings.CutPrefix(argument, "@"); ok {
		from = path
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, usagef("read the task's context from %s: %w", from, err)
	}
	var value json.RawMessage
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, usagef("the task's context from %s is not JSON: %w", from, err)
	}
	return value, nil
}

// compact is JSON in one line, without spaces.
func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return string(raw)
	}
	return b.String()
}
