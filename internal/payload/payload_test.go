package payload

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEachRefusalSaysWhereAndWhy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		raw    string
		offset int64
		reason string
	}{
		"nothing":                         {"", 0, badEnd},
		"space alone":                     {" \n\t\r", 4, badEnd},
		"two values":                      {"1 2", 2, badTrailer},
		"a bracket too many":              {"[]]", 2, badTrailer},
		"NaN, as Python writes it":        {`{"a":NaN}`, 5, badStart},
		"Infinity":                        {`-Infinity`, 0, badNumber},
		"a word cut short":                {`tru`, 0, badLiteral},
		"a word misspelt":                 {`[nil ]`, 1, badLiteral},
		"a comma at the end of an array":  {`[1,]`, 3, badStart},
		"a comma at the end of an object": {`{"a":1,}`, 7, badKey},
		"a key without quotes":            {`{a:1}`, 1, badKey},
		"a key without a value":           {`{"a"}`, 4, badColon},
		"a key without an end":            {`{"a"`, 4, badEnd},
		"a colon at the end":              {`{"a":`, 5, badEnd},
		"an object closed as an array":    {`{"a":1]`, 6, badInObject},
		"an array closed as an object":    {`[1}`, 2, badInArray},
		"an array without an end":         {`[1`, 2, badEnd},
		"an object without an end":        {`{"a":1,`, 7, badEnd},
		"an open object":                  {`{`, 1, badEnd},
		"a string without an end":         {`"abc`, 4, badEnd},
		"an escape without an end":        {`"\`, 1, badEnd},
		"a tab in a string":               {"\"long enough for a word\tx\"", 23, badControl},
		"a NUL byte in a string":          {"\"\x00\"", 1, badControl},
		"a NUL byte between tokens":       {"[\x00]", 1, badStart},
		"an unknown escape":               {`"\x41"`, 1, badEscape},
		"an escape with bad digits":       {`"\u00g0"`, 1, badEscape},
		"an escape too short":             {`"\u00"`, 1, badEscape},
		"an escaped NUL":                  {`["a\u0000"]`, 3, badNUL},
		"an escaped NUL in a key":         {`{"\u0000":1}`, 2, badNUL},
		"a high surrogate alone":          {`"\ud800"`, 1, badSurrogate},
		"a high surrogate before a text":  {`"\ud800abcdefg"`, 1, badSurrogate},
		"two high surrogates":             {`"\ud800\ud800"`, 1, badSurrogate},
		"a low surrogate alone":           {`"\uDC00"`, 1, badSurrogate},
		"a surrogate half escaped":        {"\"\\ud800\xed\xb0\x80\"", 1, badSurrogate},
		"a byte that is not UTF-8":        {"\"abc\xff\"", 4, badUTF8},
		"an overlong character":           {"\"\xc0\x80\"", 1, badUTF8},
		"a surrogate as UTF-8":            {"\"\xed\xa0\x80\"", 1, badUTF8},
		"a character beyond Unicode":      {"\"\xf4\x90\x80\x80\"", 1, badUTF8},
		"a character cut short":           {"\"\xe2\x82", 1, badUTF8},
		"a byte order mark":               {"\ufeff{}", 0, badStart},
		"a number that starts with 0":     {`[01]`, 1, badNumber},
		"a number that starts with +":     {`+1`, 0, badStart},
		"a point without digits":          {`1.`, 0, badNumber},
		"a point first":                   {`.5`, 0, badStart},
		"an exponent without digits":      {`[1e+]`, 1, badNumber},
		"a hexadecimal number":            {`0x10`, 1, badTrailer},
		"a number too large":              {`{"a":1e200000}`, 5, numberTooLong},
		"a number too small":              {`1e-200000`, 0, numberTooLong},
		"one digit too large":             {`1e131072`, 0, numberTooLong},
		"one digit too small":             {`1e-16384`, 0, numberTooLong},
		"an exponent beyond an int":       {`1e99999999999999999999`, 0, numberTooLong},
		"an integer too long":             {strings.Repeat("9", maxIntDigits+1), 0, numberTooLong},
		"a fraction too long":             {"0." + strings.Repeat("9", maxFracDigits+1), 0, numberTooLong},
		"numbers that just fit":           {`[` + strings.Repeat("1e131071,", 7) + `1e131071]`, 0, ""},
		"numbers that outgrow the limit":  {`[` + strings.Repeat("1e131071,", 8) + `1e131071]`, 1 + 9*8, digitsTooMany},
		"one level too deep":              {strings.Repeat("[", 65) + strings.Repeat("]", 65), 64, "nested deeper than 64 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Check([]byte(tt.raw), Limits{})
			if tt.reason == "" {
				require.NoError(t, err)
				return
			}
			var refused *Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, Error{tt.offset, tt.reason}, *refused)
			require.EqualError(t, err, fmt.Sprintf("JSON refused at byte %d: %s", tt.offset, tt.reason))
		})
	}
}

func TestWhatIsFineIsAccepted(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`{}`, `[]`, ` [ ] `, `null`, `true`, `false`, `0`, `-0`, `-0.0`, `1e5`, `1E+5`, `1.25e-3`, `""`, `"a"`,
		"\r\n\t {\"a\" : [ 1 , {} , [ ] , \"\" ] }\n", `{"a":1,"a":2}`, `"\"\\\/\b\f\n\r\t\u0041"`,
		`"\ud83d\ude00"`, `"\uD83D\uDE00"`, "\"\x7f\"", `"größer als 8 Bytes: 😀"`, `9007199254740993`,
		`1e131071`, `1e-16383`, `0.1e-16382`, strings.Repeat("9", maxIntDigits), "0." + strings.Repeat("9", maxFracDigits),
		strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64),
	} {
		require.NoError(t, Check([]byte(raw), Limits{}), "%.60s", raw)
	}
}

func TestLimitsHold(t *testing.T) {
	t.Parallel()
	deep := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	require.NoError(t, Check(deep(HardMaxDepth), Limits{MaxDepth: math.MaxInt}))
	require.EqualError(t, Check(deep(HardMaxDepth+1), Limits{MaxDepth: math.MaxInt}), "JSON refused at byte 1024: nested deeper than 1024 levels")

	keys := []byte(`[{"a":1,"b":2},{"c":3}]`)
	require.NoError(t, Check(keys, Limits{MaxKeys: 3}))
	require.EqualError(t, Check(keys, Limits{MaxKeys: 2}), "JSON refused at byte 16: more than 2 object keys")

	long := []byte(`"` + strings.Repeat("x", DefaultMaxBytes-2) + `"`)
	require.NoError(t, Check(long, Limits{}))
	require.EqualError(t, Check(append(long, ' '), Limits{}), "JSON refused at byte 1048576: 1048577 bytes, the limit is 1048576")
	require.NoError(t, Check(append(long, ' '), Limits{MaxBytes: HardMaxBytes}))
	require.Error(t, Check(make([]byte, HardMaxBytes+1), Limits{MaxBytes: math.MaxInt}))
}

func TestSpecialBytesAreFoundAtEveryPlaceInAWord(t *testing.T) {
	t.Parallel()
	for length := range 25 {
		for at := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("x", length))
				text[at] = byte(c)
				raw := append(append([]byte{'"'}, text...), '"')
				want := c >= ' ' && c < 0x80 && c != '"' && c != '\\'
				if got := Check(raw, Limits{}) == nil; got != want {
					t.Fatalf("byte %#x at %d of %d: accepted %v", c, at, length, got)
				}
			}
		}
	}
}

func TestAcceptingAllocatesNothing(t *testing.T) {
	for name, raw := range benchmarkDocuments() {
		require.Zero(t, testing.AllocsPerRun(10, func() { // rounded down: the fewer, the stricter
			if err := Check(raw, Limits{MaxKeys: math.MaxInt}); err != nil {
				t.Fatal(name, err)
			}
		}), name)
	}
}

func FuzzCheckAcceptsNothingThatIsNoJSON(f *testing.F) {
	for _, raw := range benchmarkDocuments() {
		f.Add(raw)
	}
	for _, raw := range []string{`{"a":[1,2.5e3,"\ud83d\ude00\n",null,true]}`, `[{},[],""]`, "\"\xff\"", `1e-16383`, `"\u0000"`, `[[[`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if Check(raw, Limits{}) != nil {
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("accepted, but it is not JSON: %q", raw)
		}
		once, err := Canonical(raw)
		require.NoError(t, err)
		require.JSONEq(t, string(raw), string(once))
		twice, err := Canonical(once)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice), "the canonical form is its own")
	})
}

// benchmarkDocuments are payloads as steps return them.
func benchmarkDocuments() map[string][]byte {
	item := `{"order_id":"ord-%d","customer":"Ada Lovelace","lines":[{"sku":"A-100","quantity":3,"price":19.99},` +
		`{"sku":"B-200","quantity":1,"price":5}],"shipped":false,"note":null,"total":64.97}`
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf(item, i))
	}
	list := "[" + strings.Join(many, ",") + "]"
	var pretty []byte
	var v any
	if json.Unmarshal([]byte(list), &v) == nil {
		pretty, _ = json.MarshalIndent(v, "", "  ")
	}
	return map[string][]byte{
		"empty":   []byte(`{}`),
		"small":   []byte(`{"payment_id":"pay_93hf7","amount":64.97,"currency":"EUR","captured":true}`),
		"order":   fmt.Appendf(nil, item, 7),
		"list":    []byte(list),
		"pretty":  pretty,
		"text":    []byte(`{"text":"` + strings.Repeat("The quick brown fox jumps over the lazy dog. ", 1000) + `"}`),
		"escapes": []byte(`["` + strings.Repeat(`line\nwith \"quotes\" `, 1000) + `"]`),
		"umlauts": []byte(`["` + strings.Repeat("Größe für Übermut, naïve façade ", 1000) + `"]`),
		"chinese": []byte(`["` + strings.Repeat("工作流程由步骤组成", 1000) + `"]`),
		"numbers": []byte("[" + strings.Repeat("12.5,1000,-7,3.14159e2,", 2000) + "0]"),
	}
}

func BenchmarkCheck(b *testing.B) {
	for name, raw := range benchmarkDocuments() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Check(raw, Limits{MaxKeys: math.MaxInt}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
