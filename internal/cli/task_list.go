package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func (a *app) newTaskListCommand() *cobra.Command {
	var output format
	var server serverFlags
	var query client.TaskQuery
	cmd := &cobra.Command{
		Use: "list", Short: "List tasks, newest first", Args: exactly(),
		RunE: a.run(func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd.Context(), &server, func(ctx context.Context, c *client.Client) error {
				list, err := c.ListTasks(ctx, query)
				if err != nil {
					return gaveUp(ctx, err)
				}
				if output == formatJSON {
					return a.printJSON(list)
				}
				return a.printTasks(list)
			})
		}),
	}
	server.add(cmd)
	f := cmd.Flags()
	f.StringVar(&query.Namespace, "namespace", "", "only tasks of this namespace")
	f.StringVar(&query.Name, "name", "", "only tasks by the template of this name")
	f.StringVar(&query.Status, "status", "", "only tasks in this state; pending stands for all that have not ended")
	f.StringVar(&query.Initiator, "initiator", "", "only tasks that this one asked for")
	f.StringVar(&query.SourceSystem, "source", "", "only tasks that this system asked for")
	f.StringVar(&query.Context, "context", "", "only tasks whose context contains this `JSON`, such as {\"customer\":7}")
	f.StringArrayVar(&query.Tags, "tag", nil, "only tasks with this tag; can be repeated")
	moments := []string{time.RFC3339, time.DateOnly}
	f.TimeVar(&query.Since, "since", time.Time{}, moments, "only tasks created at or after this `time`, such as 2026-01-31 or 2026-01-31T12:00:00Z")
	f.TimeVar(&query.Until, "until", time.Time{}, moments, "only tasks created before this `time`")
	f.IntVar(&query.PerPage, "limit", 25, "tasks on a page, 1 to 100")
	f.IntVar(&query.Page, "page", 1, "page, from 1")
	var states []string
	for _, s := range workflow.TaskStates {
		states = append(states, string(s))
	}
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp))
	addOutput(cmd, &output, "the page as the API has it")
	return cmd
}

func (a *app) printTasks(list *client.TaskListResponse) error {
	if len(list.Tasks) == 0 {
		_, err := fmt.Fprintf(a.Stdout, "no tasks (%d in all)\n", list.Pagination.TotalCount)
		return err
	}
	t := newTable("TASK", "STATUS", "STEPS", "CREATED", "TEMPLATE")
	for i := range list.Tasks {
		task := &list.Tasks[i]
		t.add(task.TaskUUID.String(), task.Status, fmt.Sprintf("%d/%d", task.CompletedSteps, task.TotalSteps),
			task.CreatedAt.Format(time.DateTime), templateOf(task))
	}
	if err := t.print(a.Stdout, a.width()); err != nil {
		return err
	}
	if p := list.Pagination; p.TotalPages > 1 {
		fmt.Fprintf(a.Stdout, "page %d of %d; %d tasks in all\n", p.Page, p.TotalPages, p.TotalCount)
	}
	return nil
}
