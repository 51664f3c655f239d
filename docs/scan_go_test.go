package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// idsBefore are the ids that a text begins with, before what it says: "B1 B2 none of nothing".
var idsBefore = regexp.MustCompile(`^((?:[WECB][1-9][0-9]?)(?:,? (?:and )?[WECB][1-9][0-9]?)*)(?: |:|$)`)

// inGo reads a test file in Go. A test names ids in its comment, in comments within it that begin with them, and in the names of its
// cases. It runs in both forms if it uses the package forms.
func inGo(t *testing.T, text string) named {
	t.Helper()
	fset, found := token.NewFileSet(), named{}
	file, err := parser.ParseFile(fset, "", text, parser.ParseComments)
	require.NoError(t, err)
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") {
			continue
		}
		ids, forms := anID.FindAllString(f.Doc.Text(), -1), []string(nil)
		begins := func(text string) {
			if m := idsBefore.FindStringSubmatch(text); m != nil {
				ids = append(ids, anID.FindAllString(m[1], -1)...)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && strings.Contains(text, " ") {
					begins(text)
				}
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "forms" {
					forms = formsIn["Go"]
				}
			}
			return true
		})
		for _, c := range file.Comments {
			if c.Pos() > f.Body.Pos() && c.End() < f.Body.End() {
				begins(strings.TrimSpace(c.Text()))
			}
		}
		found.add(ids, forms)
	}
	return found
}
