package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// genericPrefix starts the variable that every key has.
const genericPrefix = "TASKER__"

// environ makes a map of "NAME=value" pairs; as in a process, the last one of a name counts.
func environ(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

// variables returns what environment variables set. An empty variable counts as not set; the generic name of a key wins
// over its named ones, and of those the first.
func (l *loader) variables() []setting {
	var settings []setting
	generic := map[string]bool{}
	for _, name := range registry.names {
		k := registry.keys[name]
		generic[k.variable()] = true
		for _, variable := range append([]string{k.variable()}, k.env...) {
			value := l.env[variable]
			if variable == "RUST_LOG" {
				value = plainLevel(value)
			}
			if value != "" {
				settings = append(settings, setting{key: k, value: value, text: true, origin: variable, shown: strconv.Quote(value)})
				break
			}
		}
	}
	for _, variable := range slices.Sorted(maps.Keys(l.env)) {
		if strings.HasPrefix(variable, genericPrefix) && !generic[variable] {
			name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, genericPrefix), "__", "."))
			l.problem(variable, name, unknown(name))
		}
	}
	return settings
}

// plainLevel returns the level in a RUST_LOG value that is not bound to a target ("info,sqlx=warn"), or "". The rest is
// meant for other programs' modules.
func plainLevel(directives string) string {
	level := ""
	for _, d := range splitList(directives) {
		if slices.Contains(registry.keys["telemetry.log_level"].oneOf, strings.ToLower(d)) {
			level = d
		}
	}
	return level
}

// ParseSet reads the argument of --set: "worker.lease_ms=5000".
func ParseSet(argument string) (Override, error) {
	name, value, found := strings.Cut(argument, "=")
	if !found {
		return Override{}, fmt.Errorf("--set %s: want KEY=VALUE, such as worker.lease_ms=5000", argument)
	}
	return Override{Key: strings.TrimSpace(name), Value: value, Origin: "--set"}, nil
}

func (l *loader) overrides(list []Override) []setting {
	var settings []setting
	for _, o := range list {
		if k := registry.keys[o.Key]; k != nil {
			settings = append(settings, setting{key: k, value: o.Value, text: true, origin: o.Origin, shown: strconv.Quote(o.Value)})
			continue
		}
		l.problem(o.Origin, o.Key, unknown(o.Key))
	}
	return settings
}
