package payload_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/testdb"
)

// verdicts asks PostgreSQL: for each text "" when it stores it as jsonb and writes it out again, else the SQLSTATE.
func verdicts(t require.TestingT, pool *pgxpool.Pool, texts [][]byte) []string {
	rows, err := pool.Query(context.Background(), `select coalesce(accepts(raw), '') from unnest($1::bytea[]) with ordinality as u(raw, n) order by n`, texts)
	require.NoError(t, err)
	var all []string
	for rows.Next() {
		var state string
		require.NoError(t, rows.Scan(&state))
		all = append(all, state)
	}
	require.NoError(t, rows.Err())
	require.Len(t, all, len(texts))
	return all
}

const oracle = `create function accepts(raw bytea) returns text language plpgsql as $$
begin
  perform convert_from(raw, 'UTF8')::jsonb::text;
  return null;
exception when others then
  return sqlstate;
end $$`

// agree holds Check against PostgreSQL's verdicts. What is accepted must be stored; what is refused must be refused there
// too, but for our own limits.
func agree(t require.TestingT, pool *pgxpool.Pool, texts [][]byte) {
	for i, verdict := range verdicts(t, pool, texts) {
		err := payload.Check(texts[i], payload.Limits{})
		switch {
		case err == nil && verdict != "":
			require.Failf(t, "accepted, but PostgreSQL refuses it", "%s: %.200q", verdict, texts[i])
		case err != nil && verdict == "" && !isLimit(err):
			require.Failf(t, "refused, but PostgreSQL stores it", "%v: %.200q", err, texts[i])
		case err == nil && !json.Valid(texts[i]):
			require.Failf(t, "accepted, but it is no JSON", "%.200q", texts[i])
		}
	}
}

// isLimit knows the refusals that are ours alone. The range of numbers is among them since it is told by the length of
// their parts: a zero with a large exponent is refused, which PostgreSQL takes.
func isLimit(err error) bool {
	var refused *payload.Error
	return errors.As(err, &refused) && slices.ContainsFunc(
		[]string{"the limit is", "nested deeper", "more than", "written out", "beyond the database's range"},
		func(part string) bool { return strings.Contains(refused.Reason, part) })
}

func TestPostgreSQLStoresWhatIsAccepted(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	db.Exec(t, oracle)
	pool := db.Pool(t)

	t.Run("known edges", func(t *testing.T) {
		t.Parallel()
		nines := func(n int) string { return strings.Repeat("9", n) }
		edges := []string{
			``, ` `, `{}`, `[]`, `null`, `nul`, `truex`, `"a`, `"\u0000"`, `{"\u0000":1}`, `"\ud800"`, `"\udc00"`, `"\ud800\ud800"`, `"\ud83d\ude00"`,
			`"\ud800\u0041"`, "\"\xff\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\x00\"", "\"\t\"", "\"\x7f\"", "\ufeff{}", "1\x00",
			"\"\u2028\uffff\U0010ffff\"", `NaN`, `[Infinity]`, `01`, `-`, `-0`, `-01`, `1.`, `.1`, `1e`, `1e+`, `1E-0`, `0e0`, `0x1`, `1_000`, `+1`, `1a`, `1.5.5`,
			"1e131071", "1e131072", "1e200000", "-1e131072", "1e-16383", "1e-16384", "1e-200000", "1e99999999999999999999", "12e131070", "12e131071",
			"0.1e131072", "0.1e-16382", "0.1e-16383", nines(131072), nines(131073), "0." + nines(16383), "0." + nines(16384), nines(131072) + "." + nines(16383),
			nines(131000) + "e72", nines(131000) + "e73", `[1e131071,1e131071,1e-16383]`, `{"a":1,"a":2}`, `{"a":1,}`, `[,]`, `[1,,2]`, `{"a" 1}`, `{1:2}`, `[1}`,
			"\v1", "\f1", "\u00a01", `"\/\b\f\n\r\t"`, `"\a"`, `"\u12"`, `"\u12g4"`, `"\U0041"`, `""""`, `1 1`, `{} {}`, `// c`, `'a'`, "\"\xe2\x82\"",
			strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65),
			strings.Repeat("[", 20_000), `{"` + strings.Repeat("k", 1<<19) + `":"` + strings.Repeat("v", 1<<19-8) + `"}`,
		}
		texts := make([][]byte, len(edges))
		for i, e := range edges {
			texts[i] = []byte(e)
		}
		agree(t, pool, texts)
	})
	t.Run("the hard bounds", func(t *testing.T) {
		t.Parallel()
		for _, raw := range []string{
			strings.Repeat("[", payload.HardMaxDepth) + strings.Repeat("]", payload.HardMaxDepth),
			"[0" + strings.Repeat(",0", payload.HardMaxBytes/2-2) + "]",
			`"` + strings.Repeat("x", payload.HardMaxBytes-2) + `"`,
		} {
			require.NoError(t, payload.Check([]byte(raw), payload.Limits{MaxBytes: math.MaxInt, MaxDepth: math.MaxInt}))
			require.Equal(t, []string{""}, verdicts(t, pool, [][]byte{[]byte(raw)}))
		}
	})
	t.Run("whatever can be made up", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			agree(t, pool, rapid.SliceOfN(rapid.Custom(document), 50, 50).Draw(t, "documents"))
		})
	})
}

// document makes JSON up out of pieces some of which are wrong, and damages some of it further.
func document(t *rapid.T) []byte {
	text := []byte(value(t, 4))
	if len(text) > 0 && rapid.IntRange(0, 4).Draw(t, "damage") == 0 {
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			text = text[:at]
		case 1:
			text[at] = rapid.Byte().Draw(t, "byte")
		default:
			text = append(text[:at:at], text[at+1:]...)
		}
	}
	return text
}

var (
	spaces  = rapid.SampledFrom([]string{"", "", "", " ", "\n", "\t\r "})
	numbers = rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,5})?`),
		rapid.StringMatching(`-?[0-9]{1,3}\.?[0-9]{0,2}[eE]?[+-]?[0-9]{0,6}`),
	)
	pieces = rapid.OneOf(
		rapid.StringN(0, 12, 40),
		rapid.StringMatching(`\\u[0-9a-fA-F]{4}`),
		rapid.StringMatching(`\\u[dD][89a-f][0-9a-f]{2}\\u[dD][c-f][0-9a-f]{2}`),
		rapid.StringMatching(`\\[bfnrt/"\\ux]`),
		rapid.SampledFrom([]string{`\u0000`, "\xff", "\xed\xa0\x80", "\x00", "\x1f", "é", "漢字", "😀", "plain ascii text of some length"}),
	)
)

func value(t *rapid.T, depth int) string {
	kinds := 5
	if depth == 0 {
		kinds = 3
	}
	space := spaces.Draw(t, "space")
	switch rapid.IntRange(1, kinds).Draw(t, "kind") {
	case 1:
		return space + numbers.Draw(t, "number") + space
	case 2:
		return space + text(t)
	case 3:
		return rapid.SampledFrom([]string{"true", "false", "null", "{}", "[]", "[ ]", "NaN", "nil"}).Draw(t, "word") + space
	case 4:
		var items []string
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			items = append(items, value(t, depth-1))
		}
		return "[" + strings.Join(items, ",") + "]" + space
	default:
		var items []string
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			items = append(items, space+text(t)+space+":"+value(t, depth-1))
		}
		return "{" + strings.Join(items, ",") + space + "}"
	}
}

func text(t *rapid.T) string {
	// Bare quotes and backslashes out of StringN would spoil nearly every text; most are made harmless.
	var b strings.Builder
	for range rapid.IntRange(0, 3).Draw(t, "pieces") {
		piece := pieces.Draw(t, "piece")
		if !strings.HasPrefix(piece, `\`) && rapid.IntRange(0, 9).Draw(t, "tame") > 0 {
			piece = strings.Map(func(r rune) rune {
				if r == '"' || r == '\\' || r < ' ' {
					return 'x'
				}
				return r
			}, piece)
		}
		b.WriteString(piece)
	}
	return `"` + b.String() + `"`
}
