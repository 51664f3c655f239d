package httpapi

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk/client"
)

func TestAListOfTemplatesTellsOfTheCacheIfItIsAsked(t *testing.T) {
	t.Parallel()
	f := newFixture()
	list := func(query string) (body map[string]any) {
		t.Helper()
		w := f.ask(t, http.MethodGet, "/v1/templates"+query, "", nil)
		require.Equal(t, http.StatusOK, w.Code)
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		require.EqualValues(t, 2, body["total_count"])
		return body
	}
	asked := list("?include_cache_stats=true")
	require.Contains(t, asked, "cache_stats")
	require.Nil(t, asked["cache_stats"], "no templates are held here")

	f.deps.CacheStats = func() any { return map[string]int{"total_cached": 7} }
	require.Equal(t, map[string]any{"total_cached": 7.}, list("?namespace=shop&include_cache_stats=true")["cache_stats"])
	for _, query := range []string{"", "?include_cache_stats=false"} {
		require.NotContains(t, list(query), "cache_stats", query)
	}
	w := f.ask(t, http.MethodGet, "/v1/templates?include_cache_stats=perhaps", "", nil)
	require.Contains(t, refused(t, w, http.StatusBadRequest, client.CodeBadRequest), `include_cache_stats is "perhaps", not true or false`)
}
