package config

import (
	"strings"
	"time"
)

// Redacted returns the configuration as a document of nested tables, and the names of the keys whose value is secret and
// therefore "***" in it. Durations are numbers in the unit that the key's name ends with.
func (c *Config) Redacted() (document map[string]any, secrets []string) {
	document, secrets = map[string]any{}, []string{}
	for _, name := range registry.names {
		k, at := registry.keys[name], document
		path := strings.Split(name, ".")
		for _, part := range path[:len(path)-1] {
			inner, ok := at[part].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[part] = inner
			}
			at = inner
		}
		at[k.leaf] = k.shown(c)
		if k.secret && at[k.leaf] != "" {
			secrets = append(secrets, name)
		}
	}
	return document, secrets
}

// shown is the key's value for a document.
func (k *key) shown(c *Config) any {
	switch v := k.in(c).(type) {
	case *string:
		return *v
	case *[]string:
		return append([]string{}, *v...)
	case *bool:
		return *v
	case *float64:
		return *v
	case *int:
		return *v
	case *time.Duration:
		return int64(*v / k.unit)
	default:
		return v.(*Secret).String()
	}
}
