package template

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// approvalSchema is that of behaviour W7.
const approvalSchema = `{"type": "object", "required": ["amount", "requester", "purpose"], "additionalProperties": false, "properties": {
	"amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000000},
	"requester": {"type": "string", "minLength": 1}, "purpose": {"type": "string", "minLength": 1},
	"a/b~c": {"type": "array", "items": {"enum": [1, 2]}}}}`

func compiled(t *testing.T, text string) *Schema {
	t.Helper()
	var doc any
	require.NoError(t, json.Unmarshal([]byte(text), &doc))
	s, err := CompileSchema(doc)
	require.NoError(t, err)
	return s
}

func TestEveryViolationOfASchemaIsListedByItsPlace(t *testing.T) {
	t.Parallel()
	s := compiled(t, approvalSchema)
	for document, want := range map[string]string{
		`{"amount": 1000000, "requester": "ada", "purpose": "desk"}`:       "",
		`{"amount": 0, "requester": "", "purpose": "desk"}`:                "context/amount: 0 is not more than 0; context/requester: minLength: got 0, want 1",
		`{"amount": 1000001, "requester": "ada"}`:                          "context/amount: 1000001 is more than 1000000; context: missing property 'purpose'",
		`{"amount": "7", "requester": "ada", "purpose": "desk", "x": 1}`:   "context/amount: got string, want number; context: additional properties 'x' not allowed",
		`{"amount": 1, "requester": "a", "purpose": "b", "a/b~c": [1, 3]}`: "context/a~1b~0c/1: value must be one of 1, 2",
		`[]`: "context: got array, want object",
	} {
		require.Equal(t, want, strings.Join(s.Violations("context", json.RawMessage(document)), "; "), document)
	}
	require.Equal(t, []string{"context: it is not JSON"}, s.Violations("context", json.RawMessage(`{`)))
	var none *Schema
	require.Empty(t, none.Violations("context", json.RawMessage(`1`)))
}

func TestAFloodOfViolationsIsCutShort(t *testing.T) {
	t.Parallel()
	s := compiled(t, `{"items": {"type": "string"}}`)
	list := s.Violations("result", json.RawMessage("["+strings.TrimSuffix(strings.Repeat("1,", 200), ",")+"]"))
	require.Len(t, list, maxViolations+1)
	require.Equal(t, "result: and 150 more", list[maxViolations])
}

func TestASchemaThatReachesOutsideDoesNotCompile(t *testing.T) {
	t.Parallel()
	_, err := CompileSchema(map[string]any{"$ref": "file:///etc/passwd"})
	require.Error(t, err)
	s, err := CompileSchema(nil)
	require.NoError(t, err)
	require.Nil(t, s)
}
