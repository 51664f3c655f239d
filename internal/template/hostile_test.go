package template_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// billionLaughs is a few lines that stand for 10^depth texts.
func billionLaughs(depth int) string {
	var b strings.Builder
	b.WriteString(withSteps(step("a")) + "input_schema:\n  l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := 1; i < depth; i++ {
		fmt.Fprintf(&b, "  l%d: &l%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 10), ", "))
	}
	return b.String()
}

func TestAFileCannotGrowAsItIsRead(t *testing.T) {
	t.Parallel()
	const n = template.MaxFileBytes
	for name, src := range map[string]string{
		"aliases of aliases":        billionLaughs(30),
		"an alias of itself":        withSteps(step("a")) + "metadata: &m {tags: *m}\n",
		"merge keys":                withSteps(step("a")) + "input_schema: {a: &a {x: 1}, b: {<<: [*a, *a, *a]}}\n",
		"an alias as a field":       withSteps(step("a")) + "input_schema: {&k x: 1, *k : 2}\n",
		"lists in lists":            strings.Repeat("[", n),
		"mappings in mappings":      strings.Repeat("{a: ", n/4),
		"sequences on one line":     strings.Repeat("- ", n/2),
		"complex keys":              strings.Repeat("? ", n/2),
		"many unknown fields":       head + strings.Repeat("x: 1\n", 50000),
		"a list of nothing":         head + "steps: [" + strings.Repeat(",", n/2) + "]",
		"a very long field name":    head + strings.Repeat("x", n/2) + ": [" + strings.Repeat("1,", n/8) + "]\n",
		"steps that are all wrong":  head + "steps:\n" + strings.Repeat("- 1\n", 50000),
		"dependencies on nothing":   head + "steps:\n- {name: a, handler: {callable: h}, dependencies: [" + strings.Repeat("xy,", 80000) + "]}",
		"one long line of mistakes": head + "steps: [" + strings.Repeat("{nam: a},", 25000) + "]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmpl, found := template.Parse([]byte(src), "t.yaml", template.ParseOptions{})
			require.Nil(t, tmpl)
			require.Error(t, found.Err())
			require.LessOrEqual(t, len(found), 1001)
		})
	}
}

// TestRefusingABombTakesNoMoreMemoryThanReadingItsText does not run in parallel: it measures.
func TestRefusingABombTakesNoMoreMemoryThanReadingItsText(t *testing.T) {
	src := []byte(billionLaughs(60))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, found := template.Parse(src, "t.yaml", template.ParseOptions{})
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<20))
	for _, d := range found {
		require.Equal(t, "ALIAS_REFUSED", d.Name)
	}
	require.Len(t, found, 60+59*10, "each anchor and each alias")
}
