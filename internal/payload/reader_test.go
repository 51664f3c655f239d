package payload

import (
	"bytes"
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
				got = append(got, [2]string{string(r.Key), string(r.Value())})
			}
			require.NoError(t, r.Err())
			require.Equal(t, tt.want, got)
			require.False(t, r.Next(), "the end is the end")
		})
	}
}

func TestAReaderGoesIntoWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`{"a":{"b":[1,{"c":"d"},[]]},"e":{}, "f" : [ ] ,"\u0067":null}`, `[[[[]]],{"a":[{}]},"[",-1.5e2]`,
		`{"a":{"b":1}`, `{"a":{"b":1,}}`, `{"a":[1,{"b":tru}]}`, `[[1]]]`, `{"a":{"b":1]}`,
	} {
		requireEntered(t, []byte(raw))
		requirePassedOver(t, []byte(raw))
	}
}

func TestAReaderCanBeOpenedAgain(t *testing.T) {
	t.Parallel()
	var r Reader
	for _, raw := range []string{`{"a":[[[`, ``, `[1]`, `{"b":2}`} {
		for r.Open([]byte(raw), Limits{}); r.Next(); {
			if value := r.Value(); r.Err() == nil {
				require.Contains(t, raw, string(value))
			}
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
	f.Fuzz(func(t *testing.T, raw []byte) {
		requireOneVerdict(t, raw, Limits{})
		requireEntered(t, raw)
		requirePassedOver(t, raw)
	})
}

// requireEntered enters all there is, and holds what was read there against encoding/json.
func requireEntered(t *testing.T, raw []byte) {
	t.Helper()
	var r Reader
	kind := r.Open(raw, Limits{})
	if kind == 0 && r.Err() == nil {
		return
	}
	got := entered(t, &r, kind)
	require.Equal(t, Check(raw, Limits{}), r.Err())
	if r.Err() != nil {
		return
	}
	require.False(t, r.Next(), "the end is the end")
	var want any
	require.NoError(t, decodeNumbers(raw, &want))
	require.Equal(t, want, got)
}

// entered is what the reader reads in an object or an array, or the value at hand if kind is neither.
func entered(t *testing.T, r *Reader, kind byte) (v any) {
	switch kind {
	case '{':
		object := map[string]any{}
		for r.Next() {
			key := string(r.Key)
			object[key] = entered(t, r, r.Enter())
		}
		return object
	case '[':
		items := []any{}
		for r.Next() {
			items = append(items, entered(t, r, r.Enter()))
		}
		return items
	}
	require.NoError(t, decodeNumbers(r.Value(), &v))
	return v
}

func decodeNumbers(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

// requirePassedOver looks at no value: they are checked all the same.
func requirePassedOver(t *testing.T, raw []byte) {
	t.Helper()
	var r Reader
	kind := r.Open(raw, Limits{})
	for r.Next() {
	}
	if kind != 0 || r.Err() != nil {
		require.Equal(t, Check(raw, Limits{}), r.Err())
	}
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
		key, value := string(r.Key), r.Value()
		require.NoError(t, Check(value, Limits{MaxBytes: math.MaxInt, MaxKeys: math.MaxInt}))
		members[key] = value
		items = append(items, value)
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
