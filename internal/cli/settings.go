package cli

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/telemetry"
)

// globalFlags are those of every command.
type globalFlags struct {
	files    []string
	sets     []string
	settings overrides
}

func (g *globalFlags) add(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringArrayVar(&g.files, "config", nil, "read settings from this TOML `file`; can be repeated")
	f.StringArrayVar(&g.sets, "set", nil, "set one `key=value`, as in worker.lease_ms=5000; can be repeated")
	for _, k := range []struct{ flag, key, usage string }{
		{"database-url", "database.url", "PostgreSQL's `address`; a password is safer in DATABASE_URL"},
		{"data-dir", "database.data_dir", "`folder` of the private PostgreSQL server"},
		{"transport", "queues.backend", "`transport` between processes: postgres or pgmq (default postgres)"},
		{"log-level", "telemetry.log_level", "least severe `level` to log: trace, debug, info, warn or error"},
		{"log-format", "telemetry.log_format", "`form` of log lines: auto, text or json"},
	} {
		f.Var(g.settings.text(k.key, "--"+k.flag), k.flag, k.usage)
	}
}

// overrides collects the flags that stand for a setting.
type overrides struct{ list []config.Override }

// settingFlag is a flag that stands for a setting. Only a flag that is given counts.
type settingFlag struct {
	into    *overrides
	key     string
	origin  string
	kind    string
	convert func(string) (string, error)
	value   string
}

func (o *overrides) text(key, origin string) *settingFlag {
	return &settingFlag{into: o, key: key, origin: origin, kind: "string", convert: func(s string) (string, error) { return s, nil }}
}

// texts is for settings that are lists: the flag can be repeated, and takes several values separated by commas.
func (o *overrides) texts(key, origin string) *settingFlag {
	var all []string
	return &settingFlag{into: o, key: key, origin: origin, kind: "strings", convert: func(s string) (string, error) {
		all = append(all, s)
		return strings.Join(all, ","), nil
	}}
}

// number is for settings that are whole numbers, so that a mistake is told of the flag.
func (o *overrides) number(key, origin string) *settingFlag {
	return &settingFlag{into: o, key: key, origin: origin, kind: "int", convert: func(s string) (string, error) {
		n, err := strconv.Atoi(s)
		return strconv.Itoa(n), err
	}}
}

// span is for settings in milliseconds; the flag takes 500ms, 15s or 2m.
func (o *overrides) span(key, origin string) *settingFlag {
	return &settingFlag{into: o, key: key, origin: origin, kind: "duration", convert: func(s string) (string, error) {
		d, err := time.ParseDuration(s)
		return strconv.FormatInt(d.Milliseconds(), 10), err
	}}
}

// Set is called by the parser of the command line.
func (f *settingFlag) Set(s string) error {
	value, err := f.convert(s)
	if err != nil {
		return err
	}
	f.value = s
	f.into.list = append(f.into.list, config.Override{Key: f.key, Value: value, Origin: f.origin})
	return nil
}

// String is the value given.
func (f *settingFlag) String() string { return f.value }

// Type names the kind of value in help texts.
func (f *settingFlag) Type() string { return f.kind }

// load reads the configuration, with the global flags and those of the command on top.
func (a *app) load(own ...config.Override) (*config.Config, config.Origins, error) {
	o := config.Options{Files: a.global.files, Environ: a.Environ, Overrides: append(a.global.settings.list, own...)}
	for _, argument := range a.global.sets {
		set, err := config.ParseSet(argument)
		if err != nil {
			return nil, nil, &usageError{err}
		}
		o.Overrides = append(o.Overrides, set)
	}
	return config.Load(o)
}

// logger makes the log of a process that runs until it is stopped.
func (a *app) logger(cfg *config.Config) (*slog.Logger, error) {
	return telemetry.NewLogger(a.Stderr, cfg.Telemetry.LogLevel, cfg.Telemetry.LogFormat)
}

// quietLogger makes the log of a command whose output is the point: unless asked for more, it tells only of problems.
func (a *app) quietLogger(cfg *config.Config, origins config.Origins) (*slog.Logger, error) {
	return a.loggerAt("warn", cfg, origins)
}

// loggerAt makes a log of this level unless another is configured.
func (a *app) loggerAt(level string, cfg *config.Config, origins config.Origins) (*slog.Logger, error) {
	if origins.Of("telemetry.log_level") != "default" {
		level = cfg.Telemetry.LogLevel
	}
	return telemetry.NewLogger(a.Stderr, level, cfg.Telemetry.LogFormat)
}
