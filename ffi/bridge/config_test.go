package bridge

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAHostsConfigurationIsReadStrictly(t *testing.T) {
	t.Parallel()
	c, err := decodeConfig([]byte(`{
		"schema_version": 1, "dir": "/srv", "files": ["a.toml", "b.toml"], "url": "http://localhost:8080", "token": "t",
		"handlers": ["a", "b"], "domain_events": ["order.*"], "role": "worker", "crash_file": "crash.log",
		"settings": {"worker.lease_ms": 5000, "database.url": "postgres://x", "worker.namespaces": ["a", "b"], "web.enabled": false, "worker.id": "caf\u00e9"}
	}`))
	require.NoError(t, err)
	require.Equal(t, Config{
		Dir: "/srv", Files: []string{"a.toml", "b.toml"}, URL: "http://localhost:8080", Token: "t", Handlers: []string{"a", "b"},
		DomainEvents: []string{"order.*"}, Role: "worker", CrashFile: "crash.log",
		Settings: []Setting{{"worker.lease_ms", "5000"}, {"database.url", "postgres://x"}, {"worker.namespaces", "a,b"}, {"web.enabled", "false"}, {"worker.id", "café"}},
	}, c)
	empty, err := decodeConfig(nil)
	require.NoError(t, err)
	require.Equal(t, Config{Role: "full"}, empty)

	for document, key := range map[string]string{
		`{"files":"a.toml"}`:                    "files",
		`{"files":[""]}`:                        "files",
		`{"handlers":[1]}`:                      "handlers",
		`{"settings":{"a":[{}]}}`:               "settings.a[0]",
		`{"settings":[]}`:                       "settings",
		`{"dir":1}`:                             "dir",
		`{"role":"worker","role":"full"}`:       "role",
		`{"settings":{"a":1,"a":2}}`:            "settings.a",
		`{"lease_ms":1}`:                        "lease_ms",
		`{"settings":{"log":{"level":"info"}}}`: "settings.log",
	} {
		_, err := decodeConfig([]byte(document))
		require.Error(t, err, document)
		require.Equal(t, key, toError(err).Details["key"], document)
	}
	_, err = decodeConfig([]byte(`{"log_level":"debug"}`))
	require.ErrorContains(t, err, `settings, as "telemetry.log_level"`)
}

func TestHandlerNamesAreStrings(t *testing.T) {
	t.Parallel()
	names, err := decodeHandlers([]byte(` [ "a" , "b\u00e9" ] `))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "bé"}, names)
	for _, bad := range []string{``, `{}`, `["a",1]`, `[""]`, `["a"`} {
		_, err := decodeHandlers([]byte(bad))
		require.Error(t, err, bad)
	}
}
