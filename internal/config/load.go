package config

import "slices"

// Options says where configuration may come from. The zero value gives the defaults and whatever ./config/tasker holds.
type Options struct {
	// Dir is what relative paths start from. Empty means the working directory of the process.
	Dir string
	// Files are read after config/tasker, in this order; a later one wins.
	Files []string
	// Environ holds "NAME=value" pairs, such as [os.Environ] gives. Nil means no variables.
	Environ []string
	// Overrides win over everything else; a later one over an earlier one.
	Overrides []Override
}

// Override is the value of one key, given by a flag.
type Override struct {
	Key    string // dotted name
	Value  string // converted to the key's type; lists are separated by commas
	Origin string // the flag as the user knows it, such as "--lease"
}

// Origins tells which layer gave each key its value.
type Origins map[string]string

// Of returns where the value of a key came from: "default", a file:line:column, the name of an environment variable, or
// a flag.
func (o Origins) Of(key string) string {
	if origin, ok := o[key]; ok {
		return origin
	}
	return "default"
}

// Load builds the configuration. The layers, lowest first:
//
//  1. the defaults
//  2. config/tasker/base/*.toml, then config/tasker/environments/ENVIRONMENT/*.toml, if there; TASKER_CONFIG_PATH names
//     another folder than config, or one file
//  3. Files
//  4. environment variables: TASKER__WORKER__LEASE_MS sets worker.lease_ms, and some keys have shorter names
//  5. Overrides
//
// It reports every problem of every layer in one [*Error], even in values that a higher layer replaces.
func Load(o Options) (*Config, Origins, error) {
	l := &loader{dir: o.Dir, env: environ(o.Environ)}
	found := l.layout()
	base := l.readAll(found.base)
	files := l.readAll(o.Files)
	above := slices.Concat(files, l.variables(), l.overrides(o.Overrides))
	overlay := l.overlay(found, environment(slices.Concat(base, above)))
	return l.resolve(slices.Concat(base, overlay, above))
}

type loader struct {
	dir      string
	env      map[string]string
	problems []Problem
}

// overlay reads the files of one environment, which cannot set another.
func (l *loader) overlay(found layout, name string) []setting {
	settings := l.readAll(found.overlay(name))
	for _, s := range settings {
		if s.key.name == "environment" && environment([]setting{s}) != name {
			l.problem(s.origin, s.key.name, "the files of environment "+name+" cannot set environment to another; remove the line")
		}
	}
	return settings
}

// environment is the name that the settings give, or the default. What is wrong with it is reported by resolve.
func environment(settings []setting) string {
	c := Default()
	for _, s := range settings {
		if s.key.name == "environment" {
			_ = s.apply(c)
		}
	}
	return c.Environment
}

// resolve applies the settings, lowest layer first, and checks the result as a whole.
func (l *loader) resolve(settings []setting) (*Config, Origins, error) {
	c, origins := Default(), Origins{}
	for _, s := range settings {
		if err := s.apply(c); err != nil {
			shown := s.shown
			if s.key.secret {
				shown = redacted
			}
			l.problem(s.origin, s.key.name, s.key.name+" = "+shown+": "+err.Error())
			continue
		}
		origins[s.key.name] = s.origin
	}
	if len(l.problems) == 0 {
		l.check(c, origins)
	}
	if len(l.problems) > 0 {
		return nil, nil, &Error{Problems: l.problems}
	}
	return c, origins, nil
}

func (s setting) apply(c *Config) error {
	if text, ok := s.value.(string); ok && s.text {
		return s.key.setText(c, text)
	}
	return s.key.set(c, s.value)
}

func (l *loader) problem(where, key, text string) {
	l.problems = append(l.problems, Problem{Where: where, Key: key, Text: text})
}
