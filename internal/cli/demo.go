package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/examples/orders"
	"github.com/tasker-systems/tasker-go/examples/templates"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/embedpg"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// demoInitiator marks the demo's own tasks, so that it finds one that it did not finish.
const demoInitiator = "tasker-demo"

// demoLease is short, so that a demo that was killed goes on soon after it is started again.
const demoLease = 2 * time.Second

// demo runs one order: in this process, and a process of each other language that is here.
type demo struct {
	app      *app
	settings overrides
	output   format
	pace     time.Duration

	lease    time.Duration
	client   *client.Client
	template *catalog.Template
}

func (a *app) newDemoCommand() *cobra.Command {
	d := &demo{app: a}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a workflow of four steps here and now, with nothing to configure",
		Long: `Run a workflow of four steps here and now, with nothing to configure: an order is validated, reserved, paid and shipped. The
first payment fails and is tried again. The payment is made in Python where Python and the package tasker_core are here, and
the order shipped in Ruby where Ruby and the gem tasker_core are; the rest is done in Go.

Stop it at any moment, even with kill -9, and start it again: it finishes what it had begun before it begins anew.`,
		Args: exactly(),
		RunE: a.run(func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) }),
	}
	cmd.Flags().DurationVar(&d.pace, "pace", 200*time.Millisecond, "how long a step takes")
	cmd.Flags().Var(d.settings.span("worker.lease_ms", "--lease"), "lease", "how long a step stays with a demo that was killed (default 2s)")
	addOutput(cmd, &d.output, "a line for each change")
	return cmd
}

func (d *demo) run(ctx context.Context) (err error) {
	cfg, origins, err := d.app.load(d.settings.list...)
	if err != nil {
		return err
	}
	logger, err := d.app.loggerAt("error", cfg, origins) // steps of a killed demo that run again are what it is about
	if err != nil {
		return err
	}
	if origins.Of("worker.lease_ms") == "default" {
		cfg.Worker.Lease = demoLease
	}
	d.lease = cfg.Worker.Lease
	d.say("An order is validated, reserved, paid and shipped.\nAll state is kept in %s.\n", d.database(cfg))
	s, err := system.Open(ctx, cfg, system.Options{Name: "tasker demo", Getenv: d.app.getenv, Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if d.template, err = registerDemo(ctx, s); err != nil {
		return err
	}
	cfg.Worker.Namespaces = []string{d.template.Namespace}
	hosts, err := d.startHosts(ctx, s.DSN())
	defer func() { err = errors.Join(err, stopHosts(hosts)) }()
	if err != nil {
		return err
	}
	node, err := system.StartNode(ctx, s, &system.WorkerOptions{Registry: goHandlers(orders.NewRegistry(d.pace), hosts)})
	if err != nil {
		return err
	}
	if d.client, err = inProcess(s, node.Orchestration); err == nil {
		err = d.show(ctx)
	}
	err = errors.Join(err, node.Stop(ctx)) // of an interrupted demo, handlers are cancelled at once
	if errors.Is(err, errInterrupted) {
		d.say("\nRun '%s demo' again, and the order goes on where it stopped.\n", d.app.Name)
	}
	return err
}

func registerDemo(ctx context.Context, s *system.SystemContext) (*catalog.Template, error) {
	t, found := template.Parse(templates.OrderFulfillment, "order_fulfillment.yaml", template.ParseOptions{})
	if err := found.Err(); err != nil {
		return nil, err
	}
	return s.Catalog.Register(ctx, t, true)
}

// database says where the state is, for people. An address may hold a password, so it is not shown.
func (d *demo) database(cfg *config.Config) string {
	dir := cfg.Database.DataDir
	if cfg.Database.URL != "" {
		return "the configured database"
	}
	if dir == "" {
		dir, _ = embedpg.DefaultDataDir(d.app.getenv)
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return "a private PostgreSQL, which is now set up in " + dir
	}
	return "a private PostgreSQL in " + dir
}

// show finishes what an earlier demo left, and then runs an order of its own.
func (d *demo) show(ctx context.Context) error {
	unfinished, err := d.unfinished(ctx)
	if err != nil {
		return err
	}
	for _, task := range unfinished {
		d.say("\nAn earlier demo left task %s unfinished. Now it goes on:\n", task)
		if _, err := d.follow(ctx, task); err != nil {
			return err
		}
	}
	order, err := json.Marshal(orders.Order{
		Customer: orders.Customer{ID: 1, Email: "ada@example.com"},
		Items:    []orders.Item{{ProductID: 7, Quantity: 2, PriceCents: 1999}, {ProductID: 9, Quantity: 1, PriceCents: 500}},
	})
	if err != nil {
		return err
	}
	t, err := d.client.CreateTask(ctx, sdk.TaskRequest{
		Namespace: d.template.Namespace, Name: d.template.Name, Version: d.template.Version, Context: order,
		Initiator: demoInitiator, SourceSystem: "tasker-cli", Reason: "to see it run", IdempotencyKey: sdk.NewUUID().String(),
	})
	if err != nil {
		return gaveUp(ctx, err)
	}
	d.say("\n")
	s, err := d.follow(ctx, t.TaskUUID)
	if err != nil || d.output == formatJSON {
		return err
	}
	d.say("\nWhat the steps returned:\n\n")
	if err := d.app.printSteps(s.steps); err != nil {
		return err
	}
	d.say("\nSee it again with '%s task get %s'.\n", d.app.Name, t.TaskUUID)
	return nil
}

// unfinished lists the demo's tasks that have not come to rest, oldest first.
func (d *demo) unfinished(ctx context.Context) ([]sdk.UUID, error) {
	list, err := d.client.ListTasks(ctx, client.TaskQuery{
		Namespace: d.template.Namespace, Initiator: demoInitiator, Status: client.StatusPending, PerPage: 100,
	})
	if err != nil {
		return nil, gaveUp(ctx, err)
	}
	var tasks []sdk.UUID
	for i := len(list.Tasks) - 1; i >= 0; i-- {
		if t := &list.Tasks[i]; !t.Resting() {
			tasks = append(tasks, t.TaskUUID)
		}
	}
	return tasks, nil
}

func (d *demo) follow(ctx context.Context, task sdk.UUID) (*snapshot, error) {
	s, err := follow(ctx, d.client, task, d.app.newView(d.output))
	if err != nil {
		return nil, err
	}
	return s, outcome(s.task)
}

// say writes to people; programs get their lines alone.
func (d *demo) say(format string, args ...any) {
	if d.output == formatText {
		fmt.Fprintf(d.app.Stdout, format, args...)
	}
}
