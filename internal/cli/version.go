package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/system"
)

// buildInfo says which program this is.
type buildInfo struct {
	Version string `json:"version"`
	// Commit is empty in a build that was told not to say.
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // there were changes beside the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readBuildInfo() buildInfo {
	b := buildInfo{Version: system.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (a *app) newVersionCommand() *cobra.Command {
	var output format
	cmd := &cobra.Command{
		Use: "version", Short: "Say which program this is", Args: exactly(),
		RunE: a.run(func(*cobra.Command, []string) error {
			b := readBuildInfo()
			if output == formatJSON {
				return a.printJSON(b)
			}
			commit := ""
			if b.Commit != "" {
				commit = "commit " + b.Commit + ", "
			}
			if b.Modified {
				commit += "with changes, "
			}
			_, err := fmt.Fprintf(a.Stdout, "tasker %s (%s%s, %s)\n", b.Version, commit, b.Go, b.Platform)
			return err
		}),
	}
	addOutput(cmd, &output, "one object")
	return cmd
}
