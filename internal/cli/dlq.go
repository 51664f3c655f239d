package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func (a *app) newDLQCommand() *cobra.Command {
	group := a.newGroup("dlq", "Look into tasks that need somebody",
		a.newDLQListCommand(), a.newDLQGetCommand(), a.newDLQAddCommand(), a.newDLQUpdateCommand(), a.newDLQRequeueCommand(), a.newDLQStatsCommand(),
		a.newDLQQueueCommand(), a.newDLQStalenessCommand())
	group.Long = `Look into tasks that need somebody: dead letters are entered when a task is blocked by failures or has not moved for too
long. An entry is a ledger beside the task: resolve the entry when you are done, or requeue it to run the failed steps again.`
	return group
}

// dlqCommand is a command that shows what it fetches.
func dlqCommand[T any](a *app, use, short string, args cobra.PositionalArgs, fetch func(ctx context.Context, c *client.Client, args []string) (T, error), show func(T) error) *cobra.Command {
	var output format
	var server serverFlags
	cmd := &cobra.Command{
		Use: use, Short: short, Args: args, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.run(func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd.Context(), &server, func(ctx context.Context, c *client.Client) error {
				got, err := fetch(ctx, c, args)
				if err != nil {
					return gaveUp(ctx, err)
				}
				if output == formatJSON {
					return a.printJSON(got)
				}
				return show(got)
			})
		}),
	}
	server.add(cmd)
	addOutput(cmd, &output, "what the API answers")
	return cmd
}

func (a *app) newDLQListCommand() *cobra.Command {
	var status string
	var limit, skip int
	cmd := dlqCommand(a, "list", "List dead letters, newest first", exactly(), func(ctx context.Context, c *client.Client, _ []string) ([]client.DLQEntry, error) {
		return c.ListDLQ(ctx, status, limit, skip)
	}, func(list []client.DLQEntry) error {
		t := newTable("ENTRY", "TASK", "REASON", "STATUS", "SINCE")
		for i := range list {
			e := &list[i]
			t.add(e.DLQEntryUUID.String(), e.TaskUUID.String(), e.DLQReason, e.ResolutionStatus, e.DLQTimestamp.Format(time.DateTime))
		}
		return t.print(a.Stdout, a.width())
	})
	f := cmd.Flags()
	f.StringVar(&status, "status", "", "only entries in this state: pending, manually_resolved, permanently_failed or cancelled")
	f.IntVar(&limit, "limit", 50, "most entries to list")
	f.IntVar(&skip, "offset", 0, "entries to skip")
	return cmd
}

func (a *app) printLetter(e *client.DLQEntry) error {
	t := newTable("entry", e.DLQEntryUUID.String())
	t.add("task", e.TaskUUID.String())
	t.add("reason", e.DLQReason)
	t.add("task was", e.OriginalState)
	t.add("since", e.DLQTimestamp.Format(time.RFC3339))
	t.add("status", e.ResolutionStatus)
	for _, more := range []struct {
		name string
		text *string
	}{{"resolved by", e.ResolvedBy}, {"notes", e.ResolutionNotes}} {
		if more.text != nil {
			t.add(more.name, *more.text)
		}
	}
	t.add("snapshot", compact(e.TaskSnapshot))
	return t.print(a.Stdout, a.width())
}

func (a *app) newDLQGetCommand() *cobra.Command {
	return dlqCommand(a, "get TASK", "Show the latest dead letter of a task", exactly("TASK"), func(ctx context.Context, c *client.Client, args []string) (*client.DLQEntry, error) {
		task, err := parseTask(args[0])
		if err != nil {
			return nil, err
		}
		return c.GetDLQEntry(ctx, task)
	}, a.printLetter)
}

// parseEntry reads the argument that names a dead letter.
func parseEntry(argument string) (sdk.UUID, error) {
	id, err := sdk.ParseUUID(argument)
	if err != nil {
		return id, usagef("%q is not an entry's UUID; 'tasker dlq list' shows them", argument)
	}
	return id, nil
}

func (a *app) newDLQUpdateCommand() *cobra.Command {
	var status, notes, by, metadata string
	var changed func(string) bool
	cmd := dlqCommand(a, "update ENTRY", "Record how far an investigation is", exactly("ENTRY"), func(ctx context.Context, c *client.Client, args []string) (*client.DLQEntry, error) {
		entry, err := parseEntry(args[0])
		if err != nil {
			return nil, err
		}
		var u client.DLQUpdate
		for flag, field := range map[string]**string{"status": &u.ResolutionStatus, "notes": &u.ResolutionNotes, "by": &u.ResolvedBy} {
			if changed(flag) {
				*field = map[string]*string{"status": &status, "notes": &notes, "by": &by}[flag]
			}
		}
		if changed("metadata") {
			if !json.Valid([]byte(metadata)) {
				return nil, usagef("--metadata is not JSON")
			}
			u.Metadata = json.RawMessage(metadata)
		}
		return c.UpdateDLQEntry(ctx, entry, u)
	}, a.printLetter)
	f := cmd.Flags()
	changed = f.Changed
	f.StringVar(&status, "status", "", "pending, manually_resolved, permanently_failed or cancelled")
	f.StringVar(&notes, "notes", "", "what was found")
	f.StringVar(&by, "by", "", "who investigated")
	f.StringVar(&metadata, "metadata", "", "`JSON` to keep with the entry")
	return cmd
}

func (a *app) newDLQAddCommand() *cobra.Command {
	var by, reason string
	cmd := dlqCommand(a, "add TASK", "Enter a task among the dead letters by hand", exactly("TASK"), func(ctx context.Context, c *client.Client, args []string) (*client.DLQEntry, error) {
		task, err := parseTask(args[0])
		if err != nil {
			return nil, err
		}
		h := handFlags{by: by}
		return c.AddDLQEntry(ctx, task, client.DLQRequeue{RequestedBy: h.who(a), Reason: reason})
	}, a.printLetter)
	addDecision(cmd, &by, &reason)
	return cmd
}

// addDecision gives a command the flags that say who decides, and why.
func addDecision(cmd *cobra.Command, by, reason *string) {
	cmd.Flags().StringVar(reason, "reason", "", "why; it is kept in the trail (required)")
	cmd.Flags().StringVar(by, "by", "", "who acts; it is kept in the trail (default USER)")
	_ = cmd.MarkFlagRequired("reason")
}

func (a *app) newDLQRequeueCommand() *cobra.Command {
	var by, reason string
	cmd := dlqCommand(a, "requeue ENTRY", "Run the failed steps of an entry's task again, and resolve the entry", exactly("ENTRY"), func(ctx context.Context, c *client.Client, args []string) (*client.DLQEntry, error) {
		entry, err := parseEntry(args[0])
		if err != nil {
			return nil, err
		}
		h := handFlags{by: by}
		return c.RequeueDLQEntry(ctx, entry, client.DLQRequeue{RequestedBy: h.who(a), Reason: reason})
	}, a.printLetter)
	addDecision(cmd, &by, &reason)
	return cmd
}

func (a *app) newDLQStatsCommand() *cobra.Command {
	return dlqCommand(a, "stats", "Count dead letters by their reasons", exactly(), func(ctx context.Context, c *client.Client, _ []string) ([]client.DLQStats, error) {
		return c.DLQStats(ctx)
	}, func(stats []client.DLQStats) error {
		t := newTable("REASON", "ENTRIES", "PENDING", "RESOLVED", "FAILED", "CANCELLED")
		for _, s := range stats {
			t.add(s.DLQReason, fmt.Sprint(s.TotalEntries), fmt.Sprint(s.Pending), fmt.Sprint(s.ManuallyResolved), fmt.Sprint(s.PermanentFailures), fmt.Sprint(s.Cancelled))
		}
		return t.print(a.Stdout, a.width())
	})
}

func (a *app) newDLQQueueCommand() *cobra.Command {
	var limit int
	cmd := dlqCommand(a, "queue", "List what to look into first", exactly(), func(ctx context.Context, c *client.Client, _ []string) ([]client.DLQInvestigation, error) {
		return c.DLQInvestigations(ctx, limit)
	}, func(list []client.DLQInvestigation) error {
		t := newTable("ENTRY", "TASK", "REASON", "MINUTES", "SCORE")
		for i := range list {
			q := &list[i]
			t.add(q.DLQEntryUUID.String(), q.TaskUUID.String(), q.DLQReason, fmt.Sprintf("%.0f", float64(q.MinutesInDLQ)), fmt.Sprintf("%.0f", float64(q.PriorityScore)))
		}
		return t.print(a.Stdout, a.width())
	})
	cmd.Flags().IntVar(&limit, "limit", 100, "most entries to list")
	return cmd
}

func (a *app) newDLQStalenessCommand() *cobra.Command {
	var limit int
	cmd := dlqCommand(a, "staleness", "List open tasks by how long they have not moved", exactly(), func(ctx context.Context, c *client.Client, _ []string) ([]client.StalenessMonitoring, error) {
		return c.Staleness(ctx, limit)
	}, func(list []client.StalenessMonitoring) error {
		t := newTable("TASK", "WAITING", "MINUTES", "THRESHOLD", "HEALTH")
		for i := range list {
			m := &list[i]
			t.add(m.TaskUUID.String(), m.CurrentState, fmt.Sprint(m.TimeInStateMinutes), fmt.Sprint(m.StalenessThresholdMinutes), m.HealthStatus)
		}
		return t.print(a.Stdout, a.width())
	})
	cmd.Flags().IntVar(&limit, "limit", 100, "most tasks to list")
	return cmd
}
