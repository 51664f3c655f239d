// Package tasker_test holds the rules of the source tree that no compiler checks: who may import whom, where cgo and the
// database driver may appear, and a few habits. Architecture changes start in the tables below.
package tasker_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module     = "github.com/tasker-systems/tasker-go"
	everything = "everything"
)

// layers says which of our packages the code of a folder may import; tests are free, but for what [apart] keeps apart.
// A folder belongs to the longest entry that it lies in, and may import what belongs to the same entry.
var layers = map[string][]string{
	"sdk": {},
	"sdk/worker": {"sdk", "internal/actor", "internal/config", "internal/orchestration", "internal/system",
		"internal/worker"},
	"sdk/client": {"sdk", "internal/system"},
	"sdk/tasktest": {"sdk", "sdk/worker", "sdk/client", "internal/actor", "internal/config", "internal/orchestration",
		"internal/store", "internal/system", "internal/testdb"},
	"dispatch": {"sdk", "internal/batch", "internal/payload", "internal/telemetry"},
	"ffi/bridge": {"sdk", "sdk/worker", "sdk/client", "dispatch", "internal/actor", "internal/catalog",
		"internal/config", "internal/event", "internal/httpapi", "internal/orchestration", "internal/payload", "internal/store", "internal/system",
		"internal/worker", "internal/workflow"},
	"ffi":      {"ffi/bridge"},
	"examples": {"sdk", "sdk/worker", "sdk/client", "sdk/tasktest"},

	"internal/actor":     {},
	"internal/batch":     {},
	"internal/nearest":   {},
	"internal/embedpg":   {},
	"internal/payload":   {},
	"internal/config":    {"sdk", "internal/nearest"},
	"internal/telemetry": {"sdk", "internal/actor"},
	"internal/testdb":    {"internal/embedpg", "internal/store"},
	"internal/testkit":   {},

	"internal/workflow":  {"sdk", "internal/nearest"},
	"internal/template":  {"sdk", "internal/nearest", "internal/workflow"},
	"internal/store":     {"sdk", "internal/workflow", "internal/batch", "internal/telemetry"},
	"internal/transport": {"sdk", "internal/workflow", "internal/batch", "internal/telemetry"},
	"internal/catalog":   {"sdk", "internal/store", "internal/template", "internal/workflow"},
	"internal/event": {"sdk", "internal/workflow", "internal/template", "internal/store", "internal/transport", "internal/batch",
		"internal/telemetry"},

	"internal/orchestration": {"sdk", "internal/actor", "internal/batch", "internal/catalog", "internal/event",
		"internal/payload", "internal/store", "internal/telemetry", "internal/template", "internal/transport",
		"internal/workflow"},
	"internal/worker": {"sdk", "dispatch", "internal/actor", "internal/batch", "internal/catalog", "internal/event",
		"internal/payload", "internal/store", "internal/telemetry", "internal/template", "internal/transport",
		"internal/workflow"},
	"internal/workerapi": {"sdk", "internal/actor", "internal/catalog", "internal/event", "internal/store", "internal/template", "internal/worker"},
	"internal/system": {"sdk", "dispatch", "internal/workerapi", "internal/actor", "internal/batch", "internal/catalog", "internal/config",
		"internal/embedpg", "internal/event", "internal/orchestration", "internal/payload", "internal/store",
		"internal/telemetry", "internal/template", "internal/transport", "internal/worker", "internal/workflow"},
	"internal/httpapi": {"sdk", "sdk/client", "internal/nearest", "internal/actor", "internal/catalog", "internal/config", "internal/event",
		"internal/orchestration", "internal/payload", "internal/store", "internal/system", "internal/telemetry",
		"internal/template", "internal/workflow"},
	"internal/builtin": {"sdk", "internal/store"},
	"internal/bench": {"sdk", "internal/actor", "internal/batch", "internal/catalog", "internal/config", "internal/embedpg", "internal/orchestration",
		"internal/store", "internal/system", "internal/template", "internal/workflow"},
	"internal/cli": {"sdk", "sdk/worker", "sdk/client", "dispatch", "examples", "internal/actor", "internal/bench", "internal/builtin",
		"internal/catalog", "internal/config",
		"internal/embedpg", "internal/httpapi", "internal/orchestration", "internal/payload", "internal/store",
		"internal/system", "internal/telemetry", "internal/template", "internal/worker", "internal/workflow"},
	"internal/e2e": {everything},
	"cmd":          {"internal/cli"},
}

// apart are the pairs that meet only in internal/system and internal/e2e; not even their tests know each other.
var apart = map[string]string{
	"internal/orchestration": "internal/worker",
	"internal/worker":        "internal/orchestration",
}

// fences keep what comes from outside to the folders named; open ones admit the tests of every folder.
var fences = []struct {
	prefix  string
	folders []string
	open    bool
	why     string
}{
	{"C", []string{"ffi"}, false, "a Go user never needs cgo"},
	{"github.com/mattn/go-pointer", []string{"ffi"}, false, "a Go user never needs cgo"},
	{"github.com/jackc", []string{"internal/store", "internal/transport", "internal/embedpg", "internal/testdb", "internal/bench"}, true,
		"the database is spoken to in one place, and measured in another"},
	{"github.com/spf13", []string{"internal/cli"}, false, "flags and commands belong to the command line"},
	{"github.com/stretchr/testify", []string{"internal/testdb", "internal/testkit", "internal/e2e", "sdk/tasktest"}, true, "it serves tests only"},
	{"pgregory.net/rapid", []string{"internal/testdb", "internal/e2e"}, true, "it serves tests only"},
	{"go.uber.org/goleak", []string{"internal/testdb", "internal/e2e"}, true, "it serves tests only"},
}

// leafModules are all that sdk may import besides the standard library.
var leafModules = []string{"github.com/google/uuid"}

// clockless folders decide without a clock: time comes in as a parameter.
var clockless = []string{"internal/workflow", "internal/template"}

// sourceFile is one Go file of this module, whatever its build constraints.
type sourceFile struct {
	name string // slash-separated, from the root of the module
	text []byte
	tree *ast.File
	fset *token.FileSet
}

func (f sourceFile) folder() string { return path.Dir(f.name) }
func (f sourceFile) isTest() bool   { return strings.HasSuffix(f.name, "_test.go") }
func (f sourceFile) line(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.fset.Position(n.Pos()).Line)
}

func parse(name string, text []byte) (sourceFile, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	return sourceFile{name, text, tree, fset}, err
}

// sources reads every Go file below the root, but for hidden folders, testdata and modules of their own.
func sources(t *testing.T) []sourceFile {
	var files []sourceFile
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." {
			_, notOurs := os.Stat(filepath.Join(name, "go.mod"))
			if base := entry.Name(); base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules" || notOurs == nil {
				return fs.SkipDir
			}
		}
		if entry.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		file, err := parse(filepath.ToSlash(name), text)
		files = append(files, file)
		return err
	}))
	require.NotEmpty(t, files)
	return files
}

// layerOf returns the longest entry of layers that folder lies in, or "".
func layerOf(folder string) string {
	for ; folder != "."; folder = path.Dir(folder) {
		if _, ok := layers[folder]; ok {
			return folder
		}
	}
	return ""
}

// badImports names each import of f that the tables forbid, and why.
func badImports(f sourceFile) (bad []string) {
	layer := layerOf(f.folder())
	for _, spec := range f.tree.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		report := func(rule string, args ...any) {
			bad = append(bad, fmt.Sprintf("%s imports %q: %s", f.line(spec), imported, fmt.Sprintf(rule, args...)))
		}
		if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
			target := layerOf(ours)
			switch {
			case target != "" && apart[layer] == target:
				report("%s and %s meet only in internal/system and internal/e2e", layer, target)
			case f.isTest():
			case layer == "" || target == "":
				report("both folders need an entry in the layers of arch_test.go")
			case target == layer:
			case !slices.Contains(layers[layer], target) && !slices.Contains(layers[layer], everything):
				report("of ours, %s may import only %q", layer, layers[layer])
			}
			continue
		}
		for _, fence := range fences {
			within := imported == fence.prefix || strings.HasPrefix(imported, fence.prefix+"/")
			if within && !slices.Contains(fence.folders, layer) && !(fence.open && f.isTest()) {
				report("only %q may, because %s", fence.folders, fence.why)
			}
		}
		host, _, _ := strings.Cut(imported, "/")
		if layer == "sdk" && !f.isTest() && strings.Contains(host, ".") && !slices.Contains(leafModules, imported) {
			report("sdk is a leaf; of others it may import only %q", leafModules)
		}
	}
	return bad
}

// clockReads names each place in f that reads the clock, if f must not.
func clockReads(f sourceFile) (bad []string) {
	if f.isTest() || !slices.Contains(clockless, layerOf(f.folder())) {
		return nil
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			pkg, _ := sel.X.(*ast.Ident)
			if pkg != nil && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
				bad = append(bad, fmt.Sprintf("%s calls time.%s: take the time as a parameter", f.line(n), sel.Sel.Name))
			}
		}
		return true
	})
	return bad
}

// unfinished matches the words that mark work left for later; they are put together here so as not to match themselves.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)

func unfinishedLines(f sourceFile) (bad []string) {
	for i, line := range strings.Split(string(f.text), "\n") {
		if word := unfinished.FindString(line); word != "" {
			bad = append(bad, fmt.Sprintf("%s:%d says %s: finish it, or write an issue", f.name, i+1, word))
		}
	}
	return bad
}

// badComments names the packages whose comment does not stand in exactly one file. Packages of tests alone need none.
func badComments(files []sourceFile) (bad []string) {
	comments := map[string]int{}
	for _, f := range files {
		if f.isTest() {
			continue
		}
		comments[f.folder()] += 0
		if f.tree.Doc.Text() != "" {
			comments[f.folder()]++
		}
	}
	for folder, n := range comments {
		if n != 1 {
			bad = append(bad, fmt.Sprintf("%s has a package comment in %d files: exactly one file holds it", folder, n))
		}
	}
	slices.Sort(bad)
	return bad
}

func requireNone(t *testing.T, bad []string) {
	t.Helper()
	if len(bad) > 0 {
		t.Errorf("%d to mend:\n%s", len(bad), strings.Join(bad, "\n"))
	}
}

// TestTheSourceTreeKeepsItsRules reads the tree once and holds every rule against it.
func TestTheSourceTreeKeepsItsRules(t *testing.T) {
	t.Parallel()
	files := sources(t)
	for name, rule := range map[string]func(sourceFile) []string{
		"imports keep to the layers":   badImports,
		"pure packages read no clock":  clockReads,
		"no Go file is left for later": unfinishedLines,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var bad []string
			for _, f := range files {
				bad = append(bad, rule(f)...)
			}
			requireNone(t, bad)
		})
	}
	t.Run("each package has one package comment", func(t *testing.T) {
		t.Parallel()
		requireNone(t, badComments(files))
	})
}

func TestTheRulesCatchWhatTheyForbid(t *testing.T) {
	t.Parallel()
	const ours = module + "/"
	for name, tt := range map[string]struct {
		file, body, want string // want is a part of the only complaint; empty if there is none
	}{
		"a leaf imports nothing of ours":        {"sdk/a.go", `import "` + ours + `internal/actor"`, "sdk may import only []"},
		"a leaf imports no other module":        {"sdk/a.go", `import "golang.org/x/sync/errgroup"`, "sdk is a leaf"},
		"a leaf may make uuids":                 {"sdk/a.go", `import "github.com/google/uuid"`, ""},
		"a facade is not the leaf":              {"sdk/worker/a.go", `import "` + ours + `internal/system"`, ""},
		"the leaf does not know its facades":    {"sdk/a.go", `import "` + ours + `sdk/worker"`, "sdk may import only []"},
		"imports point one way":                 {"internal/store/a.go", `import "` + ours + `internal/orchestration"`, "internal/store may import only"},
		"a subfolder follows its parent":        {"internal/store/x/a.go", `import "` + ours + `internal/store"`, ""},
		"a new folder needs an entry":           {"internal/new/a.go", `import "` + ours + `sdk"`, "need an entry"},
		"what is imported needs an entry too":   {"sdk/a.go", `import "` + ours + `internal/new"`, "need an entry"},
		"tests reach where they need":           {"internal/actor/a_test.go", `import "` + ours + `internal/store"`, ""},
		"orchestration and worker stay apart":   {"internal/worker/a_test.go", `import "` + ours + `internal/orchestration"`, "meet only in internal/system"},
		"they meet end to end":                  {"internal/e2e/a.go", `import "` + ours + `internal/orchestration"`, ""},
		"the driver stays in the store":         {"internal/event/a.go", `import "github.com/jackc/pgx/v5/pgxpool"`, "the database is spoken to in one place"},
		"a test may use the driver":             {"internal/event/a_test.go", `import "github.com/jackc/pgx/v5"`, ""},
		"cgo stays in ffi":                      {"ffi/bridge/a.go", `import "C"`, "a Go user never needs cgo"},
		"ffi is cgo":                            {"ffi/a.go", `import "C"`, ""},
		"no test library in what is shipped":    {"internal/store/a.go", `import "pgregory.net/rapid"`, "it serves tests only"},
		"a pure package takes time as it comes": {"internal/workflow/a.go", "import \"time\"\nvar t = time.Now()", "take the time as a parameter"},
		"others may read the clock":             {"internal/actor/a.go", "import \"time\"\nvar t = time.Now()", ""},
		"nothing is left for later":             {"internal/actor/a.go", "// TO" + "DO: all of it", "finish it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := parse(tt.file, []byte("//go:build soak\n\n// Package a is one.\npackage a\n"+tt.body))
			require.NoError(t, err)
			bad := slices.Concat(badImports(f), clockReads(f), unfinishedLines(f))
			if tt.want == "" {
				require.Empty(t, bad)
				return
			}
			require.Len(t, bad, 1)
			require.Contains(t, bad[0], tt.want)
			require.Contains(t, bad[0], tt.file+":")
		})
	}
}

func TestAPackageCommentStandsInOneFile(t *testing.T) {
	t.Parallel()
	with, err := parse("sdk/a.go", []byte("// Package sdk is one.\npackage sdk\n"))
	require.NoError(t, err)
	without, err := parse("sdk/b.go", []byte("package sdk\n"))
	require.NoError(t, err)
	require.Empty(t, badComments([]sourceFile{with, without}))
	require.Equal(t, []string{"sdk has a package comment in 2 files: exactly one file holds it"}, badComments([]sourceFile{with, with}))
	require.Equal(t, []string{"sdk has a package comment in 0 files: exactly one file holds it"}, badComments([]sourceFile{without}))
}
