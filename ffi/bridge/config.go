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
	// Publishers are those of the host, by the names that templates call them. The events of steps that name one come as
	// frames, once the step's result is stored, for the host to publish or to decline.
	Publishers []string
	// CrashFile takes what the Go runtime says when it ends the process, which no recover can keep it from.
	CrashFile string
	// Role is "full" or "worker": a full one also does what servers do, a worker leaves that to them. Defaults to "full".
	Role string
}

// Setting is one key of the configuration.
type Setting struct{ Key, Value string }

var configHomes = map[string]string{
	"database_url": `settings, as "database.url"`, "log_level": `settings, as "telemetry.log_level"`, "worker_id": `settings, as "worker.worker_id"`,
	"lease_ms": `settings, as "worker.lease_ms"`, "namespaces": `settings, as "worker.namespaces"`, "namespace": `settings, as "worker.namespaces"`,
	"base_url": "url", "config_path": "files",
}

func decodeConfig(raw []byte) (c Config, err error) {
	c.Role = "full"
	if len(raw) == 0 {
		return c, nil
	}
	err = document(raw, payload.Limits{}, func(at place, value json.RawMessage) error {
		switch string(at.key) {
		case "schema_version":
			return checkVersion(at, value)
		case "dir":
			return toString(at, value, &c.Dir)
		case "files":
			return toStrings(at, value, &c.Files)
		case "settings":
			return members(value, "settings", c.setting)
		case "url":
			return toString(at, value, &c.URL)
		case "token":
			return toString(at, value, &c.Token)
		case "handlers":
			return toStrings(at, value, &c.Handlers)
		case "domain_events":
			return toStrings(at, value, &c.DomainEvents)
		case "publishers":
			return toStrings(at, value, &c.Publishers)
		case "crash_file":
			return toString(at, value, &c.CrashFile)
		case "role":
			if err := toString(at, value, &c.Role); err != nil || c.Role == "full" || c.Role == "worker" {
				return err
			}
			return at.wrong(`must be "full" or "worker"`)
		}
		return unknownKey(at, configHomes)
	})
	return c, err
}

// setting takes a scalar, or an array of scalars, for a key of the configuration.
func (c *Config) setting(at place, value json.RawMessage) error {
	key := string(at.key)
	switch value[0] {
	case '{':
		return at.wrong("must be a scalar or an array: write nested keys with dots")
	case '[':
		var parts []string
		err := items(value, at.String(), func(at place, item json.RawMessage) error {
			s, err := scalar(at, item)
			parts = append(parts, s)
			return err
		})
		c.Settings = append(c.Settings, Setting{key, strings.Join(parts, ",")})
		return err
	}
	s, err := scalar(at, value)
	c.Settings = append(c.Settings, Setting{key, s})
	return err
}

func scalar(at place, raw json.RawMessage) (string, error) {
	switch raw[0] {
	case '"':
		return string(payload.Text(raw)), nil
	case '{', '[', 'n':
		return "", at.wrong("must be a string, a number or a bool")
	}
	return string(raw), nil
}

// decodeHandlers reads the names of handlers.
func decodeHandlers(raw []byte) (names []string, err error) {
	if err := check(raw, payload.Limits{}); err != nil {
		return nil, err
	}
	return names, toStrings(place{key: []byte("handlers")}, raw, &names)
}
