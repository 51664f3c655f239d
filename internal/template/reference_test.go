package template_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// A field without a test that shows its effect would be a promise that nobody keeps.
func TestEveryFieldHasATestThatShowsItsEffect(t *testing.T) {
	t.Parallel()
	tests := map[string]map[string]bool{}
	for _, f := range template.Reference() {
		folder, name, found := strings.Cut(f.ShownBy, " ")
		require.True(t, found, "no test shows what %s does: name one in shown_by.go", f.Path)
		require.NotEmpty(t, f.Meaning, f.Path)
		if tests[folder] == nil {
			tests[folder] = testsOf(t, folder)
		}
		require.True(t, tests[folder][name], "%s: there is no %s in %s", f.Path, name, folder)
	}
	paths := map[string]bool{}
	for _, f := range template.Reference() {
		paths[f.Path] = true
	}
	for path := range template.ShownBy() {
		require.True(t, paths[path], "shown_by.go names %s, which is no field", path)
	}
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// testsOf are the tests of a package of this module.
func testsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", folder, "*_test.go"))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range testFunction.FindAllSubmatch(text, -1) {
			found[string(m[1])] = true
		}
	}
	return found
}

func TestTheTemplateReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	require.NoError(t, template.WriteReference(&page))
	requireGolden(t, filepath.Join("..", "..", "..", "docs", "template-reference.md"), page.String())
}
