package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/system"
)

// opened is a process's configuration and database.
type opened struct {
	*system.SystemContext
	origins config.Origins
	environ map[string]string
}

// open reads the configuration and connects to the database, or starts the embedded one.
func open(ctx context.Context, s bridge.Setup, name string) (*opened, error) {
	o := config.Options{Dir: s.Config.Dir, Files: s.Config.Files, Environ: s.Environ}
	for _, setting := range s.Config.Settings {
		o.Overrides = append(o.Overrides, config.Override{Key: setting.Key, Value: setting.Value, Origin: "settings." + setting.Key})
	}
	cfg, origins, err := config.Load(o)
	if err != nil {
		return nil, configError(err)
	}
	s.SetLogLevel(cfg.Telemetry.LogLevel)
	found := &opened{origins: origins, environ: environMap(s.Environ)}
	found.SystemContext, err = system.Open(ctx, cfg, system.Options{
		Name: name, Logger: s.Logger, Getenv: func(name string) string { return found.environ[name] },
	})
	if err != nil {
		return nil, openError(ctx, err)
	}
	return found, nil
}

// configError names the keys that are wrong, where it is known which.
func configError(err error) error {
	e := bridge.Errorf(bridge.EConfig, "%s", err)
	var problems *config.Error
	if errors.As(err, &problems) {
		keys := []string{}
		for _, p := range problems.Problems {
			keys = append(keys, p.Key)
		}
		e.With("keys", keys)
	}
	return e
}

func openError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return bridge.Errorf(bridge.EDeadline, "the database was not ready in time: %s", err)
	}
	return databaseError(err)
}

// databaseError tells what may go away from what does not.
func databaseError(err error) error {
	e := bridge.Errorf(bridge.EDatabase, "%s", err)
	switch store.Classify(err) {
	case store.RemedyRetry, store.RemedyReconnect:
	default:
		e.Retryable = false
	}
	return e
}

// registerTemplates registers the templates of the search paths. The default folder need not be there.
func (o *opened) registerTemplates(ctx context.Context, dir string) (int, error) {
	var paths []string
	for _, p := range o.Config.TaskTemplates.SearchPaths {
		if dir != "" && !filepath.IsAbs(p) {
			p = filepath.Join(dir, p)
		}
		paths = append(paths, p)
	}
	if o.origins.Of("task_templates.search_paths") == "default" {
		if _, err := os.Stat(paths[0]); errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
	}
	registered, err := system.RegisterTemplates(ctx, o.SystemContext, paths, false)
	if err != nil {
		return 0, bridge.Errorf(bridge.EConfig, "%s", err).With("keys", []string{"task_templates.search_paths"})
	}
	return len(registered), nil
}

// environMap makes a lookup of "NAME=value" pairs; as in a process, the last one of a name counts.
func environMap(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		if name, value, found := strings.Cut(pair, "="); found {
			env[name] = value
		}
	}
	return env
}
