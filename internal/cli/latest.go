package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/sdk/client"
)

// latestVersion finds the version of a template that comes last.
func latestVersion(ctx context.Context, c *client.Client, namespace, name string) (string, error) {
	list, err := c.ListTemplates(ctx, namespace)
	if err != nil && !client.IsNotFound(err) {
		return "", gaveUp(ctx, err)
	}
	var versions, others []string
	if list != nil {
		for _, t := range list.Templates {
			if t.Name == name {
				versions = append(versions, t.Version)
			}
			others = append(others, t.Name)
		}
	}
	if len(versions) > 0 {
		return slices.MaxFunc(versions, compareVersions), nil
	}
	if len(others) > 0 {
		return "", fmt.Errorf("there is no template %s/%s; namespace %s has %s", namespace, name, namespace, strings.Join(slices.Compact(others), ", "))
	}
	return "", fmt.Errorf("there is no template in namespace %q; 'tasker template list' shows those that are registered, 'tasker template register' adds one", namespace)
}

// compareVersions orders semantic versions: 1.10.0 comes after 1.9.0, and 2.0.0-rc.1 before 2.0.0.
func compareVersions(a, b string) int {
	a, _, _ = strings.Cut(a, "+")
	b, _, _ = strings.Cut(b, "+")
	coreA, preA, isPreA := strings.Cut(a, "-")
	coreB, preB, isPreB := strings.Cut(b, "-")
	if c := compareParts(coreA, coreB); c != 0 {
		return c
	}
	switch {
	case isPreA && isPreB:
		return compareParts(preA, preB)
	case isPreA:
		return -1
	case isPreB:
		return 1
	}
	return 0
}

// compareParts compares what stands between the dots: numbers by their value and before words, more parts after fewer.
func compareParts(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		n, errX := strconv.ParseUint(x, 10, 64)
		m, errY := strconv.ParseUint(y, 10, 64)
		switch {
		case errX == nil && errY == nil:
			return cmp.Compare(n, m)
		case errX == nil:
			return -1
		case errY == nil:
			return 1
		}
		return cmp.Compare(x, y)
	})
}

// completeTemplates offers the names of registered templates. It asks a server or a database that is named, and nobody
// else: completion must not start a database.
func (a *app) completeTemplates(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	var server serverFlags
	server.url, _ = cmd.Flags().GetString("url")
	cfg, _, err := a.load()
	if err != nil || a.serverURL(&server) == "" && cfg.Database.URL == "" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	_ = a.withClient(a.Stop, &server, func(ctx context.Context, c *client.Client) error {
		ctx, cancel := context.WithTimeout(ctx, completeFor)
		defer cancel()
		list, err := c.ListTemplates(ctx, "")
		if err != nil {
			return err
		}
		for _, t := range list.Templates {
			names = append(names, t.Namespace+"/"+t.Name+"@"+t.Version)
		}
		return nil
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
