package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/config.md")

func TestTheReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	page := filepath.Join("..", "..", "docs", "config.md")
	var out bytes.Buffer
	require.NoError(t, WriteReference(&out))
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(page), 0o755))
		require.NoError(t, os.WriteFile(page, out.Bytes(), 0o644))
	}
	have, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, out.String(), string(have), "run: go test ./internal/config -update")
}

func TestTheReferenceNamesEveryKeyAndVariable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, WriteReference(&out))
	for _, name := range registry.names {
		k := registry.keys[name]
		require.Contains(t, out.String(), "| `"+k.leaf+"` | `"+k.text(Default())+"` |")
		for _, variable := range k.env {
			require.Contains(t, out.String(), "`"+variable+"`")
		}
	}
}

func TestShowSaysWhereEachValueCameFrom(t *testing.T) {
	t.Parallel()
	c, origins, err := Load(Options{
		Dir:       folder(t, map[string]string{"a.toml": "worker.namespaces = ['x', \"y\\\"\"]"}),
		Files:     []string{"a.toml"},
		Environ:   []string{"TASKER_ENV=test"},
		Overrides: []Override{{"worker.lease_ms", "5000", "--lease"}},
	})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, c.WriteShow(&out, origins, true))
	for _, line := range []string{
		"environment = \"test\" # TASKER_ENV\n",
		"\n[worker]\nworker_id = \"\" # default\nnamespaces = [\"x\", \"y\\\"\"] # a.toml:1:8\nlease_ms = 5000 # --lease\n",
		"\n[backoff]\nmax_backoff_seconds = 3600 # default\n",
		"multiplier = 2.0 # default\njitter_enabled = true # default\n",
	} {
		require.Contains(t, out.String(), line)
	}
	out.Reset()
	require.NoError(t, c.WriteShow(&out, origins, false))
	require.NotContains(t, out.String(), "#")
}

func TestWhatShowWritesLoadsAgain(t *testing.T) {
	t.Parallel()
	requireRoundTrip(t, Default())
	for _, name := range registry.names {
		if k := registry.keys[name]; !k.secret {
			_, _, value := sample(t, k)
			requireRoundTrip(t, withOnly(k, value))
		}
	}
	odd := Default()
	odd.Worker.ID = "quote\" back\\slash\ttab\x00\x7f ${HOME} $${X} é 日本"
	odd.Worker.Namespaces = []string{"a, b", "${", "]"}
	odd.Worker.Lease *= 1000
	requireRoundTrip(t, odd)
}

// requireRoundTrip loads what show writes for a configuration without secrets.
func requireRoundTrip(t testing.TB, c *Config) {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, c.WriteShow(&out, nil, true))
	l := &loader{}
	settings, problems := parseTOML("shown.toml", out.Bytes(), nil)
	require.Empty(t, problems)
	again, _, err := l.resolve(settings)
	require.NoError(t, err)
	require.Equal(t, c, again)
}
