package cli

import (
	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/config"
)

func (a *app) newConfigCommand() *cobra.Command {
	return a.newGroup("config", "Show settings and explain them", a.newConfigShowCommand(), a.newConfigReferenceCommand())
}

func (a *app) newConfigShowCommand() *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use: "show", Short: "Write all settings as TOML, secrets as ***", Args: exactly(),
		RunE: a.run(func(*cobra.Command, []string) error {
			cfg, origins, err := a.load()
			if err != nil {
				return err
			}
			return cfg.WriteShow(a.Stdout, origins, origin)
		}),
	}
	cmd.Flags().BoolVar(&origin, "origin", false, "say of each where it comes from: default, file, environment or flag")
	return cmd
}

func (a *app) newConfigReferenceCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reference", Short: "Write the page that explains every setting (Markdown)", Args: exactly(),
		RunE: a.run(func(*cobra.Command, []string) error { return config.WriteReference(a.Stdout) }),
	}
}
