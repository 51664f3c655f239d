package docs_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write behaviours.md anew")

// behaviour is something that is promised for handlers in every language, under the id by which tests name it.
type behaviour struct {
	ID      string `json:"id"`
	Promise string `json:"promise"`
	// OneForm says, by language, why it is not run in both forms.
	OneForm map[string]string `json:"one_form"`
}

// language is a language of handlers, where its tests are and how they name what they show.
type language struct {
	name, folder, pattern string
	read                  func(*testing.T, string) named
}

var languages = []language{
	{"Go", "", "*_test.go", inGo},
	{"Python", "bindings/python/tests", "test_*.py", inPython},
	{"Ruby", "bindings/ruby/spec", "*_spec.rb", inRuby},
}

// formsIn are the two forms of handlers, as tests call them: types and functions.
var formsIn = map[string][]string{"Go": {"StepHandler", "HandlerFunc"}, "Python": {"class", "dsl"}, "Ruby": {"class", "dsl"}}

// shownBy are the test files of a language by what they name.
func shownBy(t *testing.T, l language) map[string]named {
	t.Helper()
	files := map[string]named{}
	require.NoError(t, filepath.WalkDir(filepath.Join(root, l.folder), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != root && (base[0] == '.' || slices.Contains([]string{"bin", "build", "testdata"}, base) || l.folder == "" && base == "bindings") {
				return fs.SkipDir
			}
			return nil
		}
		if ours, err := filepath.Match(l.pattern, base); err != nil || !ours {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		within, err := filepath.Rel(filepath.Join(root, l.folder), name)
		files[filepath.ToSlash(within)] = l.read(t, string(text))
		return err
	}))
	require.NotEmpty(t, files)
	return files
}

// cell lists the files whose tests name a behaviour, and the forms that it runs in there; both says that all forms are among them.
func cell(l language, files map[string]named, id string) (text string, both bool) {
	seen, parts := map[string]bool{}, []string{}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		forms, ok := files[file][id]
		if !ok {
			continue
		}
		part := "`" + file + "`"
		var in []string
		for _, form := range formsIn[l.name] {
			if forms[form] {
				in, seen[form] = append(in, form), true
			}
		}
		if in != nil {
			part += " (" + strings.Join(in, ", ") + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", "), len(seen) == len(formsIn[l.name])
}

func behaviours(t *testing.T) (all []behaviour) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "behaviours.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &all))
	return all
}

func TestEveryBehaviourIsShownInEveryLanguage(t *testing.T) {
	t.Parallel()
	introduction, err := os.ReadFile(filepath.Join("testdata", "behaviours.md"))
	require.NoError(t, err)
	var page, lacking strings.Builder
	page.Write(introduction)
	page.WriteString("\n| Id | Promise | Go | Python | Ruby |\n|---|---|---|---|---|\n")
	shown := map[string]map[string]named{}
	for _, l := range languages {
		shown[l.name] = shownBy(t, l)
	}
	var missing []string
	for _, b := range behaviours(t) {
		fmt.Fprintf(&page, "| %s | %s |", b.ID, b.Promise)
		for _, l := range languages {
			text, both := cell(l, shown[l.name], b.ID)
			why, excused := b.OneForm[l.name]
			switch {
			case text == "":
				missing = append(missing, fmt.Sprintf("%s has no test in %s that names it", b.ID, l.name))
			case !both && !excused:
				missing = append(missing, fmt.Sprintf("%s is not run in both forms in %s: run it so, or say in testdata/behaviours.json why not", b.ID, l.name))
			case both && excused:
				missing = append(missing, fmt.Sprintf("%s is run in both forms in %s: testdata/behaviours.json says that it is not", b.ID, l.name))
			case excused:
				fmt.Fprintf(&lacking, "| %s | %s | %s |\n", b.ID, l.name, why)
			}
			fmt.Fprintf(&page, " %s |", text)
		}
		page.WriteString("\n")
	}
	if lacking.Len() > 0 {
		page.WriteString("\n## Not in both forms\n\n| Id | Language | Why |\n|---|---|---|\n" + lacking.String())
	}
	if *update {
		require.NoError(t, os.WriteFile("behaviours.md", []byte(page.String()), 0o644))
	}
	written, err := os.ReadFile("behaviours.md")
	require.NoError(t, err)
	require.Equal(t, string(written), page.String(), "tests have changed: go test ./docs -run Behaviour -update")
	require.Empty(t, missing)
}

func TestTheBehavioursAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, group := range []struct {
		letter string
		last   int
	}{{"W", 14}, {"E", 13}, {"C", 10}, {"B", 4}} {
		for n := range group.last {
			want = append(want, fmt.Sprint(group.letter, n+1))
		}
	}
	for _, b := range behaviours(t) {
		require.NotEmpty(t, b.Promise, b.ID)
		got = append(got, b.ID)
	}
	require.Equal(t, want, got)
}
