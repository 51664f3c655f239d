package cli_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

const brokenTemplate = `name: order
namespace_name: shop
version: 1.0.0
steps:
  - name: charge
    handler: {callable: order.charge}
    retry:
      backof: exponential
  - name: ship
    handler: {callable: order.ship}
    dependencies: [chrage]
`

func TestProblemsOfATemplateAreToldWithTheirPlacesAndHints(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t)
	w.write("order.yaml", brokenTemplate)
	a := w.run("template", "validate", "order.yaml")
	require.Equal(t, 1, a.code)
	require.Empty(t, a.stderr)
	require.Regexp(t, `^TK012 order.yaml:8:7  unknown field "backof".*
  8 \|       backof: exponential
            \^\^\^\^\^\^ did you mean "backoff"\?
TK022 order.yaml:11:20  step "ship" depends on "chrage".*
  11 \|     dependencies: \[chrage\]
                          \^\^\^\^\^\^ did you mean "charge"\?
2 errors, 0 remarks
$`, a.stdout)

	a = w.run("template", "validate", "order.yaml", "--output", "json")
	require.Equal(t, 1, a.code)
	var found []map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.stdout), &found))
	require.Len(t, found, 2)
	require.Equal(t, "TK012", found[0]["code"])
	require.InDelta(t, 8, found[0]["line"], 0)

	a = w.onDatabase().run("template", "register", "order.yaml")
	require.Equal(t, 1, a.code)
	require.Contains(t, a.stderr, `did you mean "charge"?`)
	require.Contains(t, a.stderr, "tasker: 2 errors in task templates; nothing was registered\n")
}

func TestAValidTemplateIsDrawn(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t)
	w.write("mixed.yaml", mixedTemplate)
	require.Equal(t, "mixed.yaml: valid\n", w.must("template", "validate", "mixed.yaml"))
	require.Equal(t, "[]\n", w.must("template", "validate", "mixed.yaml", "--output", "json"))
	require.Equal(t, "flowchart TD\n  s0[\"first\"]\n  s1[\"shaky\"]\n  s0 --> s1\n", w.must("template", "graph", "mixed.yaml"))
	require.Contains(t, w.must("template", "graph", "mixed.yaml", "--format", "dot"), "digraph")
	require.Contains(t, w.must("template", "graph", "mixed.yaml", "--format", "json"), `"name": "shaky"`)
	a := w.run("template", "graph", "mixed.yaml", "--format", "png")
	require.Equal(t, 2, a.code)
	require.Contains(t, a.stderr, "--format png: must be mermaid, dot or json")
	a = w.run("template", "graph", "nothing.yaml")
	require.Equal(t, 1, a.code)
	require.Equal(t, "tasker: open nothing.yaml: no such file or directory\n", a.stderr)
}

func TestStrictTakesWarningsForErrors(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t)
	w.write("doubled.yaml", `name: doubled
namespace_name: test
version: 1.0.0
steps:
  - {name: one, handler: {callable: noop}}
  - {name: two, handler: {callable: noop}, dependencies: [one, one]}
`)
	a := w.run("template", "validate", "doubled.yaml")
	require.Equal(t, 0, a.code)
	require.Contains(t, a.stdout, "warning:")
	require.Contains(t, a.stdout, "0 errors, 1 remark\n")
	require.Equal(t, 1, w.run("template", "validate", "doubled.yaml", "--strict").code)
}

func TestTheSchemaOfTemplatesIsJSON(t *testing.T) {
	t.Parallel()
	var schema map[string]any
	require.NoError(t, json.Unmarshal([]byte(newBareWorld(t).must("template", "schema")), &schema))
	require.Equal(t, "Tasker task template", schema["title"])
}
