package payload

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAReaderReadsWhatStandsInAnObjectOrArray(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		raw  string
		kind byte
		want [][2]string
	}{
		"an object":            {` { "a" : 1 , "b":{"c":[2,{}]},"d": "}" } `, '{', [][2]string{{"a", "1"}, {"b", `{"c":[2,{}]}`}, {"d", `"}"`}}},
		"an array":             {`[1, [2], {"a":3},"]" ]`, '[', [][2]string{{"", "1"}, {"", "[2]"}, {"", `{"a":3}`}, {"", `"]"`}}},
		"an empty object":      {`{ }`, '{', nil},
		"an empty array":       {` []`, '[', nil},
		"keys with escapes":    {`{"\u0061\n":true,"":null}`, '{', [][2]string{{"a\n", "true"}, {"", "null"}}},
		"a key twice":          {`{"a":1,"a":2}`, '{', [][2]string{{"a", "1"}, {"a", "2"}}},
		"a word has no member": {`true`, 0, nil},
		"nor has a string":     {` "{}"`, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r Reader
			require.Equal(t, tt.kind, r.Open([]byte(tt.raw), Limits{}))
			var got [][2]string
			for r.Next() {
				got = append(got, [2]string{string(r.Key), string(r.Value)})
			}
			require.NoError(t, r.Err())
			require.Equal(t, tt.want, got)
			require.False(t, r.Next(), "the end is the end")
		})
	}
}

func TestAReaderCanBeOpenedAgain(t *testing.T) {
	t.Parallel()
	var r Reader
	for _, raw := range []string{`{"a":[[[`, ``, `[1]`, `{"b":2}`} {
		for r.Open([]byte(raw), Limits{}); r.Next(); {
			require.Contains(t, raw, string(r.Value))
		}
		require.Equal(t, Check([]byte(raw), Limits{}), r.Err())
	}
}

func TestAReaderHoldsTheLimits(t *testing.T) {
	t.Parallel()
	for _, l := range []Limits{{MaxBytes: 10}, {MaxDepth: 2}, {MaxKeys: 2}} {
		requireOneVerdict(t, []byte(`{"a":{"b":{"c":1}}}`), l)
	}
}

func FuzzAReaderRefusesWhatCheckRefuses(f *testing.F) {
	for _, raw := range []string{`{"a":[1,2.5e3,"\ud83d\ude00\n",null,true]}x`, `[{},[],""`, "{\"\xff\":1}", `{"a" 1}`, `[1}`, `{"a":1,}`, `[1e200000]`, `[,]`, ``} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { requireOneVerdict(t, raw, Limits{}) })
}

// requireOneVerdict holds a reader against Check, and what it read against encoding/json.
func requireOneVerdict(t *testing.T, raw []byte, l Limits) {
	t.Helper()
	var r Reader
	kind := r.Open(raw, l)
	if kind == 0 && r.Err() == nil {
		return
	}
	members, items := map[string]json.RawMessage{}, []json.RawMessage{}
	for r.Next() {
		require.NoError(t, Check(r.Value, Limits{MaxBytes: math.MaxInt, MaxKeys: math.MaxInt}))
		members[string(r.Key)] = r.Value
		items = append(items, r.Value)
	}
	require.Equal(t, Check(raw, l), r.Err())
	if r.Err() != nil {
		return
	}
	switch kind {
	case '{':
		var want map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &want))
		require.Equal(t, want, members)
	case '[':
		var want []json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &want))
		require.Equal(t, want, items)
	}
}
