package bridge

import (
	"encoding/json"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/payload"
)

// Config is what a host says when it makes a worker or a client. All of it is optional.
type Config struct {
	// Dir is where relative paths start. Defaults to the working directory of the process.
	Dir string
	// Files are configuration files, read after config/tasker.
	Files []string
	// Settings replace single keys of the configuration, by their dotted names. They win over files and environment.
	Settings []Setting
	// URL is a server's, for clients. Without it they speak to the database.
	URL string
	// Token is sent to the server.
	Token string
	// Handlers are those that the host serves; more can be registered.
	Handlers []string
	// DomainEvents are patterns of events that are delivered as frames: a name, "payment.*", or "*".
	DomainEvents []string
	// Role is "full" or "worker": a full one also does what servers do, a worker leaves that to them. Defaults to "full".
	Role string
}

// Setting is one key of the configuration.
type Setting struct{ Key, Value string }

var configHomes = map[string]string{
	"database_url": `settings, as "database.url"`, "log_level": `settings, as "telemetry.log_level"`, "worker_id": `settings, as "worker.id"`,
	"lease_ms": `settings, as "worker.lease_ms"`, "namespaces": `settings, as "worker.namespaces"`, "namespace": `settings, as "worker.namespaces"`,
	"base_url": "url", "config_path": "files",
}

func decodeConfig(raw []byte) (c Config, err error) {
	c.Role = "full"
	if len(raw) == 0 {
		return c, nil
	}
	if err := check(raw, payload.Limits{}); err != nil {
		return c, err
	}
	err = members(raw, "", func(key string, value json.RawMessage) error {
		switch key {
		case "schema_version":
			return checkVersion(value)
		case "dir":
			return toString(key, value, &c.Dir)
		case "files":
			return toStrings(key, value, &c.Files)
		case "settings":
			return members(value, key, c.setting)
		case "url":
			return toString(key, value, &c.URL)
		case "token":
			return toString(key, value, &c.Token)
		case "handlers":
			return toStrings(key, value, &c.Handlers)
		case "domain_events":
			return toStrings(key, value, &c.DomainEvents)
		case "role":
			if err := toString(key, value, &c.Role); err != nil || c.Role == "full" || c.Role == "worker" {
				return err
			}
			return keyError(key, `must be "full" or "worker"`)
		}
		return unknownKey("", key, configHomes)
	})
	return c, err
}

// setting takes a scalar, or an array of scalars, for a key of the configuration.
func (c *Config) setting(key string, value json.RawMessage) error {
	path := "settings." + key
	switch value[0] {
	case '{':
		return keyError(path, "must be a scalar or an array: write nested keys with dots")
	case '[':
		var parts []string
		err := items(value, path, func(path string, item json.RawMessage) error {
			s, err := scalar(path, item)
			parts = append(parts, s)
			return err
		})
		c.Settings = append(c.Settings, Setting{key, strings.Join(parts, ",")})
		return err
	}
	s, err := scalar(path, value)
	c.Settings = append(c.Settings, Setting{key, s})
	return err
}

func scalar(path string, raw json.RawMessage) (string, error) {
	switch raw[0] {
	case '"':
		return text(raw), nil
	case '{', '[', 'n':
		return "", keyError(path, "must be a string, a number or a bool")
	}
	return string(raw), nil
}

// decodeHandlers reads the names of handlers.
func decodeHandlers(raw []byte) (names []string, err error) {
	if err := check(raw, payload.Limits{}); err != nil {
		return nil, err
	}
	return names, toStrings("handlers", raw, &names)
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
