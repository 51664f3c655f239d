package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

const canary = "CANARY_5f2a"

func TestNoOutputShowsASecret(t *testing.T) {
	t.Parallel()
	c, origins, err := Load(inEmptyDir(t, Options{Environ: []string{"DATABASE_URL=postgres://u:" + canary + "@db/x"}}))
	require.NoError(t, err)
	require.Contains(t, c.Database.URL.Reveal(), canary)

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&out, verb+"\n", c)
		fmt.Fprintf(&out, verb+"\n", *c)
		fmt.Fprintf(&out, verb+"\n", c.Database)
		fmt.Fprintf(&out, verb+"\n", c.Database.URL)
		fmt.Fprintf(&out, verb+"\n", &c.Database.URL)
	}
	text, jsonLog := slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))
	for _, log := range []*slog.Logger{text, jsonLog} {
		log.Info("start", "config", c, "url", c.Database.URL, "database", c.Database)
	}
	require.NoError(t, json.NewEncoder(&out).Encode(c))
	require.NoError(t, c.WriteShow(&out, origins, true))

	require.NotContains(t, out.String(), canary)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", canary))
	require.Contains(t, out.String(), `url = "***" # DATABASE_URL`)
}

func TestAnEmptySecretShowsAsEmpty(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, Default().WriteShow(&out, nil, false))
	require.Contains(t, out.String(), "\nurl = \"\"\n")
}

func TestNoErrorShowsASecret(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not a connection string":       `database.url = "mysql://u:` + canary + `@db/x"`,
		"wrong type":                    `database.url = ["postgres://u:` + canary + `@db/x"]`,
		"syntax error on the same line": `database.url = "postgres://u:` + canary + `@db/x" x`,
		"string without an end":         `database.url = "postgres://u:` + canary + `@db/x`,
		"bad escape":                    `database.url = "postgres://u:\` + canary + `@db/x"`,
		"duplicate key":                 "database.url = '" + canary + "'\ndatabase.url = '" + canary + "'",
		"secret variable in a number":   `worker.lease_ms = "${TOKEN}"`,
		"secret variable in a list":     `worker.namespaces = ["${TOKEN}", 1]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := loadText(t, text, "TOKEN="+canary)
			require.NotContains(t, fmt.Sprintf("%+v", p), canary)
		})
	}
	_, _, err := Load(inEmptyDir(t, Options{Environ: []string{"DATABASE_URL=" + canary}}))
	require.ErrorContains(t, err, "DATABASE_URL: database.url is not a PostgreSQL connection string")
	require.NotContains(t, err.Error(), canary)
}
