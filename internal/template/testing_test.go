package template_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

var update = flag.Bool("update", false, "write what the tests see to their golden files")

// requireGolden compares with a file in testdata; go test -update writes it.
func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return src
}

// parsed reads a template that must have no problems.
func parsed(t *testing.T, src string) *template.TaskTemplate {
	t.Helper()
	tmpl, found := template.Parse([]byte(src), "t.yaml", template.ParseOptions{})
	require.Empty(t, formatted(t, found))
	return tmpl
}

func formatted(t *testing.T, found template.Diagnostics) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, found.Format(&text))
	return text.String()
}

// head is what every template needs before its steps.
const head = "name: t\nnamespace_name: ns\nversion: 1.0.0\n"

// withSteps is a template with steps in YAML's flow style, one a line, which begin on line 5.
func withSteps(steps ...string) string {
	return head + "steps:\n  - " + strings.Join(steps, "\n  - ") + "\n"
}

// step is a standard step that waits for others.
func step(name string, dependsOn ...string) string {
	return "{name: " + name + ", handler: {callable: h}, dependencies: [" + strings.Join(dependsOn, ", ") + "]}"
}
