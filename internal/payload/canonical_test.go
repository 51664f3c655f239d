package payload

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEqualJSONHasOneCanonicalForm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		want string
		raws []string
	}{
		"space and the order of keys do not count": {`{"a":1,"b":{"c":[3,{"d":4,"e":5}]}}`, []string{
			`{"b":{"c":[3,{"e":5,"d":4}]},"a":1}`,
			"{\n  \"a\": 1,\n  \"b\": {\"c\": [3, {\"d\": 4, \"e\": 5}]}\n}",
			`{"\u0061":1,"b":{"c":[3,{"d":4,"\u0065":5}]}}`,
		}},
		"how a character is escaped does not count": {"\"é😀/\\\"\\\\\\u000a\u2028<\x7f\"", []string{
			`"\u00e9\ud83d\ude00\/\u0022\u005c\n\u2028\u003c\u007f"`, "\"é😀/\\\"\\\\\\u000A\u2028<\x7f\"",
		}},
		"the last of equal keys counts, as in jsonb": {`{"a":2}`, []string{`{"a":1,"a":2}`}},
		"keys are sorted by their bytes":             {`{"":0,"B":1,"a":2,"ä":3}`, []string{`{"ä":3,"a":2,"B":1,"":0}`}},
		"the order of an array counts":               {`[2,1]`, []string{`[2, 1]`}},
		"scalars stand alone":                        {`null`, []string{" null "}},
		"so do words":                                {`[true,false,"",{},[]]`, []string{`[ true, false, "", { }, [ ] ]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, raw := range tt.raws {
				got, err := Canonical([]byte(raw))
				require.NoError(t, err)
				require.Equal(t, tt.want, string(got), raw)
			}
		})
	}
}

func TestNumbersKeepTheirText(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`1`, `1.0`, `-0`, `1e2`, `1E+2`, `9007199254740993`, `0.1000000000000000055511151231257827`} {
		got, err := Canonical([]byte(raw))
		require.NoError(t, err)
		require.Equal(t, raw, string(got))
	}
}

func TestThereIsNoCanonicalFormOfWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{``, `{`, `"\ud800"`, "\"\xff\"", `1e200000`} {
		got, err := Canonical([]byte(raw))
		require.Error(t, err, raw)
		require.Nil(t, got)
	}
}

func BenchmarkCanonical(b *testing.B) {
	for name, raw := range benchmarkDocuments() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Canonical(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
