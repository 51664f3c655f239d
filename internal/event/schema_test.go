package event

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(text), &v))
	return v
}

func TestAPayloadIsHeldAgainstItsSchema(t *testing.T) {
	t.Parallel()
	const order = `{"type":"object","required":["id","total"],"properties":{"id":{"type":"string"},"total":{"type":"number","minimum":0},
		"card":{"type":"object","properties":{"number":{"pattern":"^4"}}}},"additionalProperties":false}`
	for name, tt := range map[string]struct{ schema, payload, want string }{
		"a payload that meets it":      {order, `{"id":"a","total":1.5}`, ""},
		"a missing property":           {order, `{"id":"a"}`, "/: required total"},
		"a wrong type":                 {order, `{"id":7,"total":1}`, "/id: type"},
		"several at once":              {order, `{"id":7,"total":-1}`, "/id: type, /total: minimum"},
		"a property too many":          {order, `{"id":"a","total":1,"extra":1}`, "/: additionalProperties"},
		"a secret is not repeated":     {order, `{"id":"a","total":1,"card":{"number":"5555"}}`, "/card/number: pattern"},
		"a schema that allows nothing": {`{"properties":{"a":false}}`, `{"a":1}`, "/a: not allowed"},
		"a schema that is none":        {`{"type":"thing"}`, `{}`, "the event's schema does not compile"},
		"references within the schema": {`{"$defs":{"id":{"type":"string"}},"properties":{"id":{"$ref":"#/$defs/id"}}}`, `{"id":1}`, "/id: type"},
		"references to the outside":    {`{"$ref":"https://example.test/schema.json"}`, `{}`, "a schema may refer to itself only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := new(schemaCache).check(decoded(t, tt.schema), json.RawMessage(tt.payload))
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorAs(t, err, new(*schemaError))
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "5555")
		})
	}
}

func TestASchemaReadsNoFiles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "schema.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"type":"object"}`), 0o600))
	err := new(schemaCache).check(map[string]any{"$ref": "file://" + file}, json.RawMessage(`{}`))
	require.ErrorContains(t, err, "a schema may refer to itself only")
}

func TestWithoutASchemaEveryPayloadWillDo(t *testing.T) {
	t.Parallel()
	require.NoError(t, new(schemaCache).check(nil, json.RawMessage(`[1]`)))
}

func TestASchemaThatJSONCannotHoldIsRefused(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, new(schemaCache).check(map[string]any{"type": func() {}}, json.RawMessage(`{}`)), "is not JSON")
}

func TestASchemaIsCompiledOnce(t *testing.T) {
	t.Parallel()
	var cache schemaCache
	first, err := cache.compile([]byte(`{"type":"object"}`))
	require.NoError(t, err)
	again, err := cache.compile([]byte(`{"type":"object"}`))
	require.NoError(t, err)
	require.Same(t, first, again)

	_, broken := cache.compile([]byte(`{"type":1}`))
	require.Error(t, broken)
	_, again2 := cache.compile([]byte(`{"type":1}`))
	require.Same(t, broken, again2)
}

func TestTheCacheStartsAnewWhenItIsFull(t *testing.T) {
	t.Parallel()
	var cache schemaCache
	first, err := cache.compile([]byte(`{}`))
	require.NoError(t, err)
	for i := range maxCachedSchemas {
		text, err := json.Marshal(map[string]any{"minimum": i})
		require.NoError(t, err)
		_, err = cache.compile(text)
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(cache.compiled), maxCachedSchemas)
	again, err := cache.compile([]byte(`{}`))
	require.NoError(t, err)
	require.NotSame(t, first, again)
}
