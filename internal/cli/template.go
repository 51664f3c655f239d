package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/template"
)

func (a *app) newTemplateCommand() *cobra.Command {
	return a.newGroup("template", "Check, draw, register and list task templates",
		a.newTemplateValidateCommand(), a.newTemplateRegisterCommand(), a.newTemplateListCommand(),
		a.newTemplateGraphCommand(), a.newTemplateSchemaCommand())
}

func (a *app) newTemplateValidateCommand() *cobra.Command {
	var output format
	var strict, lint bool
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Report all problems of template files, with their places and what was probably meant",
		Args:  atLeast("FILE"),
		RunE: a.run(func(_ *cobra.Command, files []string) error {
			var all template.Diagnostics
			for _, file := range files {
				_, found, err := template.ParseFile(file, template.ParseOptions{Strict: strict, Lint: lint})
				if err != nil {
					return fmt.Errorf("read template: %w", err)
				}
				all = append(all, found...)
				if output == formatText && found.Err() == nil {
					fmt.Fprintf(a.Stdout, "%s: valid\n", printable(file))
				}
			}
			if err := a.printDiagnostics(all, output); err != nil {
				return err
			}
			if errs := all.Errors(); len(errs) > 0 {
				return &exitError{code: exitFailed}
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "take warnings for errors")
	cmd.Flags().BoolVar(&lint, "lint", false, "remark on what is allowed but unusual, too")
	addOutput(cmd, &output, "an array of problems")
	return cmd
}

// printDiagnostics writes problems to where results go, since they are the result.
func (a *app) printDiagnostics(all template.Diagnostics, f format) error {
	if f == formatJSON {
		return a.printJSON(all)
	}
	var text strings.Builder
	if err := all.Format(&text); err != nil {
		return err
	}
	if _, err := fmt.Fprint(a.Stdout, printableLines(text.String())); err != nil || len(all) == 0 {
		return err
	}
	errs := len(all.Errors())
	_, err := fmt.Fprintf(a.Stdout, "%s, %s\n", count(errs, "error"), count(len(all)-errs, "remark"))
	return err
}

func (a *app) newTemplateGraphCommand() *cobra.Command {
	var form string
	cmd := &cobra.Command{
		Use:   "graph FILE",
		Short: "Draw a template file as Mermaid, DOT or JSON",
		Args:  exactly("FILE"),
		RunE: a.run(func(_ *cobra.Command, args []string) error {
			write, ok := map[string]func(*template.TaskTemplate) error{
				"mermaid": func(t *template.TaskTemplate) error { return template.WriteMermaid(a.Stdout, t) },
				"dot":     func(t *template.TaskTemplate) error { return template.WriteDOT(a.Stdout, t) },
				"json":    func(t *template.TaskTemplate) error { return template.WriteGraphJSON(a.Stdout, t) },
			}[form]
			if !ok {
				return usagef("--format %s: must be mermaid, dot or json", form)
			}
			t, found, err := template.ParseFile(args[0], template.ParseOptions{})
			if err := errors.Join(err, found.Err()); err != nil {
				return err
			}
			return write(t)
		}),
	}
	cmd.Flags().StringVar(&form, "format", "mermaid", "mermaid, dot or json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"mermaid", "dot", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) newTemplateSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Write the JSON Schema of template files, for editors",
		Long: `Write the JSON Schema of template files. Editors with a YAML language server complete and check templates by it:

  tasker template schema > tasker.schema.json

and, as the first line of a template:

  # yaml-language-server: $schema=tasker.schema.json`,
		Args: exactly(),
		RunE: a.run(func(*cobra.Command, []string) error {
			_, err := a.Stdout.Write(template.JSONSchema())
			return err
		}),
	}
}
