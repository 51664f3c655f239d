package nearest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/nearest"
)

func TestTheNearestWordIsFound(t *testing.T) {
	t.Parallel()
	words := []string{"name", "namespace", "reason", "tags", "backoff_base_ms"}
	for word, want := range map[string]string{
		"nmae": "name", "namspace": "namespace", "resaon": "reason", "tag": "tags", "Backoff-Base-MS": "backoff_base_ms",
		"x": "", "": "", "priority": "",
	} {
		require.Equal(t, want, nearest.Word(word, words), word)
	}
}

func TestTheFirstOfEquallyNearWordsWins(t *testing.T) {
	t.Parallel()
	require.Equal(t, "cart", nearest.Word("carx", []string{"cart", "card"}))
}

func TestDistanceCountsSwapsOfNeighboursAsOne(t *testing.T) {
	t.Parallel()
	for pair, want := range map[[2]string]int{
		{"", ""}: 0, {"a", ""}: 1, {"lease", "lease"}: 0, {"lease", "laese"}: 1, {"lease", "lese"}: 1, {"abc", "xyz"}: 3, {"grün", "grun"}: 1,
	} {
		require.Equal(t, want, nearest.Distance(pair[0], pair[1]), pair)
		require.Equal(t, want, nearest.Distance(pair[1], pair[0]), pair)
	}
}
