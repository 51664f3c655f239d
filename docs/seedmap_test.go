// Package docs_test holds the documents to the code that they speak of.
package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = ".."

// seedRow is one row of seed-map.md: names of the seeds, and the symbols that stand for them here, or none if dropped.
type seedRow struct {
	line    int
	names   []string
	symbols []string
	dropped bool
}

var quoted = regexp.MustCompile("`([^`]+)`")

func quotedIn(cell string) (words []string) {
	for _, match := range quoted.FindAllStringSubmatch(cell, -1) {
		words = append(words, match[1])
	}
	return words
}

func seedRows(t *testing.T) (rows []seedRow) {
	text, err := os.ReadFile("seed-map.md")
	require.NoError(t, err)
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		require.Len(t, cells, 2, "seed-map.md:%d is not a row of two cells", i+1)
		row := seedRow{line: i + 1, names: quotedIn(cells[0]), dropped: strings.HasPrefix(cells[1], "dropped, because ")}
		if !row.dropped {
			row.symbols = quotedIn(cells[1])
		}
		rows = append(rows, row)
	}
	require.NotEmpty(t, rows)
	return rows
}

// folder is what one package declares: "Name" and "Type.Member", where a member is a method or a field.
type folder map[string]bool

func readFolder(name string) (folder, error) {
	files, err := filepath.Glob(filepath.Join(root, name, "*.go"))
	if err != nil {
		return nil, err
	}
	symbols := folder{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range tree.Decls {
			symbols.add(decl)
		}
	}
	return symbols, nil
}

func (f folder) add(decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			f[d.Name.Name] = true
		} else {
			f[baseName(d.Recv.List[0].Type)+"."+d.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					f[name.Name] = true
				}
			case *ast.TypeSpec:
				f[s.Name.Name] = true
				f.addMembers(s)
			}
		}
	}
}

func (f folder) addMembers(spec *ast.TypeSpec) {
	var members *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.StructType:
		members = t.Fields
	case *ast.InterfaceType:
		members = t.Methods
	default:
		return
	}
	for _, member := range members.List {
		for _, name := range member.Names {
			f[spec.Name.Name+"."+name.Name] = true
		}
		if len(member.Names) == 0 {
			f[spec.Name.Name+"."+baseName(member.Type)] = true
		}
	}
}

// baseName is T for T, *T, T[X], T[X, Y] and pkg.T.
func baseName(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return baseName(e.X)
	case *ast.IndexExpr:
		return baseName(e.X)
	case *ast.IndexListExpr:
		return baseName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// tree resolves symbols and remembers the folders it read.
type tree map[string]folder

// missing returns the part of a symbol that does not exist, and the folder to look for it in; both are empty if it does.
func (t tree) missing(symbol string) (where, what string, err error) {
	if name, ok := strings.CutSuffix(symbol, "/"); ok {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || !info.IsDir() {
			return symbol, "the folder", nil
		}
		return "", "", nil
	}
	slash := strings.LastIndex(symbol, "/") + 1
	last, name, ok := strings.Cut(symbol[slash:], ".")
	if !ok {
		return "", "", fmt.Errorf("%q is neither folder.Name nor folder.Type.Member, nor a folder with a slash at its end", symbol)
	}
	where = symbol[:slash] + last
	if t[where] == nil {
		if t[where], err = readFolder(where); err != nil {
			return "", "", err
		}
	}
	if t[where][name] {
		return "", "", nil
	}
	return where, name, nil
}

func TestEverySymbolOfTheSeedMapExists(t *testing.T) {
	t.Parallel()
	known, missing, total := tree{}, map[string][]string{}, 0
	for _, row := range seedRows(t) {
		for _, symbol := range row.symbols {
			where, what, err := known.missing(symbol)
			require.NoError(t, err, "seed-map.md:%d", row.line)
			if what != "" && !slices.Contains(missing[where], what) {
				missing[where] = append(missing[where], what)
				total++
			}
		}
	}
	if total == 0 {
		return
	}
	var report strings.Builder
	for _, where := range slices.Sorted(maps.Keys(missing)) {
		fmt.Fprintf(&report, "\n  %s: %s", where, strings.Join(missing[where], ", "))
	}
	t.Errorf("seed-map.md speaks of %d symbols that do not exist:%s", total, report.String())
}

func TestEveryNameOfTheSeedsHasExactlyOneRow(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "seed-names.txt"))
	require.NoError(t, err)
	var mapped []string
	for _, row := range seedRows(t) {
		require.NotEmpty(t, row.names, "seed-map.md:%d names nothing", row.line)
		require.True(t, row.dropped || len(row.symbols) > 0,
			`seed-map.md:%d gives no symbol, nor a reason that begins with "dropped, because"`, row.line)
		mapped = append(mapped, row.names...)
	}
	require.ElementsMatch(t, strings.Split(strings.TrimSpace(string(text)), "\n"), mapped)
}

func TestTheSeedMapTellsWhatExistsFromWhatDoesNot(t *testing.T) {
	t.Parallel()
	known := tree{}
	for symbol, want := range map[string]string{
		"internal/actor.Ask":                             "",
		"internal/actor.ErrStarted":                      "",
		"internal/actor.Actor.Started":                   "",
		"internal/actor.Handler.Handle":                  "",
		"internal/actor.Base.Name":                       "",
		"internal/actor.Group.Stop":                      "",
		"internal/actor.PanicError.Stack":                "",
		"internal/actor.Handler.Actor":                   "",
		"internal/actor/":                                "",
		"internal/actor.Answer":                          "Answer",
		"internal/actor.Base.Rested":                     "Base.Rested",
		"internal/actor.Group.Stop.Later":                "Group.Stop.Later",
		"internal/actor.TestAskReturnsTheHandlersAnswer": "TestAskReturnsTheHandlersAnswer",
		"internal/none/":                                 "the folder",
		"internal/none.Actor":                            "Actor",
	} {
		_, what, err := known.missing(symbol)
		require.NoError(t, err)
		require.Equal(t, want, what, symbol)
	}
	_, _, err := known.missing("Ask")
	require.ErrorContains(t, err, "neither folder.Name")
}
