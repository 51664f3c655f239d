package config

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADocumentOfTheConfigurationHoldsEveryKeyAndNoSecret(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Database.URL, c.Worker.Lease, c.Worker.Namespaces = "postgres://ada:hunter2@db/x", 7*time.Second, []string{"shop"}
	document, secrets := c.Redacted()
	require.Equal(t, []string{"database.url"}, secrets)
	raw, err := json.Marshal(document)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "hunter2")
	for _, want := range []string{`"url":"***"`, `"lease_ms":7000`, `"namespaces":["shop"]`} {
		require.Contains(t, string(raw), want)
	}
	leaves := 0
	var count func(any)
	count = func(v any) {
		table, ok := v.(map[string]any)
		if !ok {
			leaves++
		}
		for _, inner := range table {
			count(inner)
		}
	}
	count(document)
	require.Equal(t, len(registry.names), leaves)
	_, secrets = Default().Redacted()
	require.Empty(t, secrets)
}
