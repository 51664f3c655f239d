package template_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// FuzzParse holds the parser to its promises on any text: it ends, every problem has its place, and what it lets through
// is a template that can be stored, read back, checked again and planned.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "../../examples/templates/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			src, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(src, false)
		}
	}
	for _, src := range []string{"", "- a", "name: [", "a: &a [*a]", "<<: {}\n", "? [a]\n: b", "a: !!binary x", "\ufeffname: t", "name: \"\\0\"", "a: 1\n---\nb: 2",
		withSteps(step("a", "b"), step("b", "a")), withSteps("{name: a, handler: {callable: h, initialization: {x: 0x1F, y: 1_0, z: .5, w: -0}}}"),
		"\"\\uD800\": 1", "a: 1e999", "{\"name\":\"t\",\"steps\":[]}", "a: |\n  x\n\tb"} {
		f.Add([]byte(src), true)
	}
	f.Fuzz(func(t *testing.T, src []byte, strict bool) {
		tmpl, found := template.Parse(src, "t.yaml", template.ParseOptions{Strict: strict, Lint: true})
		for _, d := range found {
			require.NotEmpty(t, d.Name)
			require.NotEmpty(t, d.Message)
			if d.Name != "TOO_MANY_PROBLEMS" {
				require.Positive(t, d.Line, d)
				require.Positive(t, d.Column, d)
				require.NotEmpty(t, d.Snippet, d)
			}
			_, err := json.Marshal(d)
			require.NoError(t, err)
		}
		require.Equal(t, found.Err() == nil, tmpl != nil)
		if tmpl == nil {
			return
		}
		stored, err := json.Marshal(tmpl)
		require.NoError(t, err)
		var back template.TaskTemplate
		require.NoError(t, json.Unmarshal(stored, &back))
		require.NotEmpty(t, tmpl.ContentHash())
		require.Equal(t, tmpl.ContentHash(), back.ContentHash())
		require.NoError(t, template.Validate(tmpl).Err())
		plan, err := tmpl.Plan()
		require.NoError(t, err)
		require.Len(t, plan.Steps, len(tmpl.Steps))
	})
}
