package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// rule is what must hold beyond the type and bounds of a single key. broken returns what is wrong, or "".
type rule struct {
	keys   []string // the error points at the first of these that is not a default
	broken func(*Config) string
}

var rules = []rule{
	{[]string{"environment"}, func(c *Config) string {
		if environmentName.MatchString(c.Environment) {
			return ""
		}
		return "environment names a folder; use letters, digits, - and _"
	}},
	{[]string{"database.url"}, func(c *Config) string {
		url := c.Database.URL.Reveal()
		if url == "" || strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") || !strings.Contains(url, "://") && strings.Contains(url, "=") {
			return ""
		}
		return "database.url is not a PostgreSQL connection string; write postgres://USER:PASSWORD@HOST:PORT/DATABASE"
	}},
	{[]string{"database.pool.min_connections", "database.pool.max_connections"}, func(c *Config) string {
		if p := c.Database.Pool; p.MinConnections > p.MaxConnections {
			return fmt.Sprintf("database.pool.min_connections (%d) is larger than max_connections (%d); set both", p.MinConnections, p.MaxConnections)
		}
		return ""
	}},
	{[]string{"web.bind_address", "web.enabled"}, func(c *Config) string { return exposed(c.Web) }},
	{[]string{"worker.web.bind_address"}, func(c *Config) string {
		if c.Worker.Web.BindAddress == "" {
			return ""
		}
		own := Web{Enabled: true, BindAddress: c.Worker.Web.BindAddress, InsecureAllowUnauthenticated: c.Web.InsecureAllowUnauthenticated}
		if text := exposed(own); text != "" {
			return "worker." + text
		}
		return ""
	}},
}

// exposed refuses an API that other machines could use without a password.
func exposed(w Web) string {
	host, port, err := net.SplitHostPort(w.BindAddress)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "web.bind_address is not HOST:PORT, such as 127.0.0.1:8080"
	}
	if !w.Enabled || w.InsecureAllowUnauthenticated || host == "localhost" || net.ParseIP(host).IsLoopback() {
		return ""
	}
	return "web.bind_address can be reached from other machines and requests are not authenticated; bind 127.0.0.1, or set web.insecure_allow_unauthenticated if something else guards the port"
}

func (l *loader) check(c *Config, origins Origins) {
	for _, r := range rules {
		text := r.broken(c)
		if text == "" {
			continue
		}
		at := r.keys[0]
		for _, name := range r.keys {
			if _, set := origins[name]; set {
				at = name
				break
			}
		}
		l.problem(origins.Of(at), at, text)
	}
}
