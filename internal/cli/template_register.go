package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func (a *app) newTemplateRegisterCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "register PATH...",
		Short: "Register the templates of files, folders or patterns",
		Long: `Register the templates of files, folders or patterns with the configured database. The API has no such call, so that who may
only send tasks cannot change what they do.`,
		Args: atLeast("PATH"),
		RunE: a.run(func(cmd *cobra.Command, paths []string) error {
			return a.withSystem(cmd.Context(), func(ctx context.Context, s *system.SystemContext) error {
				registered, err := system.RegisterTemplates(ctx, s, paths, force)
				for _, t := range registered {
					fmt.Fprintf(a.Stdout, "registered %s/%s@%s, %s\n", t.Namespace, t.Name, t.Version, count(len(t.Steps), "step"))
				}
				if err == nil && len(registered) == 0 {
					return fmt.Errorf("no template files (*.yaml, *.yml) in %q", paths)
				}
				return registerError(err)
			})
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "let templates replace others of the same version; tasks that run keep theirs")
	return cmd
}

// registerError names the flag by which a refused template can be forced.
func registerError(err error) error {
	var conflict *store.TemplateConflictError
	if errors.As(err, &conflict) {
		return fmt.Errorf("template %s/%s@%s is registered with other content: give the new content a version of its own, or replace the old with --force (tasks that run keep theirs)",
			conflict.Namespace, conflict.Name, conflict.Version)
	}
	return err
}

func (a *app) newTemplateListCommand() *cobra.Command {
	var output format
	var server serverFlags
	var namespace string
	cmd := &cobra.Command{
		Use: "list", Short: "List the templates that tasks can be made from", Args: exactly(),
		RunE: a.run(func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd.Context(), &server, func(ctx context.Context, c *client.Client) error {
				list, err := c.ListTemplates(ctx, namespace)
				if err != nil {
					return gaveUp(ctx, err)
				}
				if output == formatJSON {
					return a.printJSON(list)
				}
				return a.printTemplates(list)
			})
		}),
	}
	server.add(cmd)
	cmd.Flags().StringVar(&namespace, "namespace", "", "only templates of this namespace")
	addOutput(cmd, &output, "the list as the API has it")
	return cmd
}

func (a *app) printTemplates(list *client.TemplateListResponse) error {
	if len(list.Templates) == 0 {
		_, err := fmt.Fprintln(a.Stdout, "no templates; 'tasker template register' adds some")
		return err
	}
	t := newTable("TEMPLATE", "STEPS", "DESCRIPTION")
	for _, one := range list.Templates {
		description := ""
		if one.Description != nil {
			description = *one.Description
		}
		t.add(one.Namespace+"/"+one.Name+"@"+one.Version, fmt.Sprint(one.StepCount), description)
	}
	return t.print(a.Stdout, a.width())
}
