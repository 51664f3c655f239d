package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is in a file, the loader gives a configuration that shows and loads again, or problems that say where.
func FuzzLoadTOML(f *testing.F) {
	for _, seed := range []string{
		"",
		"worker.lease_ms = 1_000",
		"[worker]\nlease_ms = 0x1F4\nnamespaces = ['a', \"${NAME:-b}\"]",
		"worker = { mpsc_channels.ffi_dispatch = { dispatch_buffer_size = 1 } }",
		"[[worker]]\n[worker.a]",
		"\"worker.lease_ms\" = 1",
		"'' = 1\n[\"\\u0000\"]",
		"backoff.multiplier = nan",
		"environment = \"\"\"\n${NAME}\"\"\"",
		"web.bind_address = \"${\"",
		"database.pool = [1, {a = 1979-05-27}]",
		"a.b.c = 1\na.b.d.e = 2\n[x.y]\n[x]\ny.z = 3",
	} {
		f.Add(seed)
	}
	env := map[string]string{"NAME": "value"}
	f.Fuzz(func(t *testing.T, text string) {
		settings, problems := parseTOML("fuzz.toml", []byte(text), env)
		l := &loader{problems: problems}
		c, origins, err := l.resolve(settings)
		if err != nil {
			var all *Error
			require.True(t, errors.As(err, &all))
			for _, p := range all.Problems {
				require.True(t, strings.HasPrefix(p.Where, "fuzz.toml:"), p.Where)
				require.NotContains(t, p.Where, ":0:", "no position for %s", p.Key)
				require.NotEmpty(t, p.Text)
			}
			return
		}
		for key, origin := range origins {
			require.Contains(t, registry.keys, key)
			require.True(t, strings.HasPrefix(origin, "fuzz.toml:"), origin)
		}
		c.Database.URL = ""
		requireRoundTrip(t, c)
	})
}
