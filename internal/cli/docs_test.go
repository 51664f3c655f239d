package cli_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// fenced are the blocks of code of a Markdown page in one language.
func fenced(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../" + page)
	require.NoError(t, err)
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	require.NotEmpty(t, blocks, page)
	return blocks
}

func TestThePagesShowTemplatesThatAreValid(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"README.md", "docs/guide.md", "docs/operations.md"} {
		for _, block := range fenced(t, page, "yaml") {
			_, found := template.Parse([]byte(block), page, template.ParseOptions{Strict: true})
			require.NoError(t, found.Err(), page)
		}
	}
}

func TestThePagesShowCommandsThatExist(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t)
	for _, page := range []string{"README.md", "docs/guide.md", "docs/operations.md"} {
		for _, block := range fenced(t, page, "sh") {
			for line := range strings.Lines(block) {
				line, _, _ = strings.Cut(strings.TrimRight(strings.TrimSpace(line), " &"), " >")
				words := strings.Fields(regexp.MustCompile(`'[^']*'`).ReplaceAllString(line, "{}"))
				if len(words) == 0 || words[0] != "tasker" {
					continue
				}
				a := w.run(append(words[1:], "--help")...)
				require.Equal(t, 0, a.code, "%s: %s\n%s", page, line, a.stderr)
				require.Contains(t, a.stdout, "Usage:\n  tasker "+words[1], line)
			}
		}
	}
}
