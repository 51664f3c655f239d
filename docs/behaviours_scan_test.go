package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// named is what the tests of one file name: behaviours by their ids, each with the forms of handlers that it is run in.
type named map[string]map[string]bool

func (n named) add(ids, forms []string) {
	for _, id := range ids {
		if n[id] == nil {
			n[id] = map[string]bool{}
		}
		for _, form := range forms {
			n[id][form] = true
		}
	}
}

var (
	anID = regexp.MustCompile(`\b[WECB][1-9][0-9]?\b`)
	// idsBefore are the ids that a text begins with, before what it says: "B1 B2 none of nothing".
	idsBefore = regexp.MustCompile(`^((?:[WECB][1-9][0-9]?)(?:,? (?:and )?[WECB][1-9][0-9]?)*)(?: |:|$)`)
)

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

var (
	pythonTest   = regexp.MustCompile(`^\s*(?:async )?def (test_\w+)\(`)
	pythonIDs    = regexp.MustCompile(`(?:^|_)([wecb][1-9][0-9]?)(?:_|$)`)
	pythonCaseID = regexp.MustCompile(`\bid="([^"]*)"`)
	formWord     = regexp.MustCompile(`"(class|dsl)"|'(class|dsl)'`)
)

// inPython reads a test file in Python. A test names ids in its name, in its docstring and in the ids of its parameters. Its forms are
// its parameters too, or those of the module.
func inPython(_ *testing.T, text string) named {
	found, lines := named{}, strings.Split(text, "\n")
	ofModule := ""
	for i, line := range lines {
		if strings.HasPrefix(line, "pytestmark") {
			ofModule = block(lines[i:])
		}
	}
	for i, line := range lines {
		m := pythonTest.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		first := i
		for first > 0 && strings.TrimSpace(lines[first-1]) != "" {
			first--
		}
		above := strings.Join(lines[first:i], "\n")
		var ids []string
		for name := m[1]; ; { // neighbours share an underscore
			at := pythonIDs.FindStringSubmatchIndex(name)
			if at == nil {
				break
			}
			ids, name = append(ids, strings.ToUpper(name[at[2]:at[3]])), name[at[3]:]
		}
		for _, id := range pythonCaseID.FindAllStringSubmatch(above, -1) {
			ids = append(ids, anID.FindAllString(id[1], -1)...)
		}
		ids = append(ids, anID.FindAllString(docstring(lines[i:]), -1)...)
		found.add(ids, formWords(above+ofModule))
	}
	return found
}

// block is a statement in Python from its first line to the next one that is not indented.
func block(lines []string) string {
	end := 1
	for end < len(lines) && (strings.HasPrefix(lines[end], " ") || strings.HasPrefix(lines[end], ")") || strings.HasPrefix(lines[end], "]")) {
		end++
	}
	return strings.Join(lines[:end], "\n")
}

// docstring is that of the function that begins here, if it has one.
func docstring(lines []string) string {
	body := 0
	for body < len(lines) && !strings.HasSuffix(lines[body], ":") {
		body++
	}
	text := strings.TrimSpace(strings.Join(lines[min(body+1, len(lines)):], "\n"))
	text, ok := strings.CutPrefix(text, `"""`)
	if !ok {
		return ""
	}
	text, _, _ = strings.Cut(text, `"""`)
	return text
}

// formWords are the forms that a piece of Python or Ruby lists.
func formWords(text string) (forms []string) {
	if strings.Contains(text, "FORMS") || strings.Contains(text, "Forms::ALL") || strings.Contains(text, "%w[class dsl") {
		return []string{"class", "dsl"}
	}
	for _, m := range formWord.FindAllStringSubmatch(text, -1) {
		forms = append(forms, m[1]+m[2])
	}
	return forms
}

var (
	rubyTest  = regexp.MustCompile(`^\s*it\b`)
	rubyGroup = regexp.MustCompile(`^\s*(?:RSpec\.)?(?:describe|context)\b`)
	rubyText  = regexp.MustCompile(`"([^"]*)"`)
	rubyForms = regexp.MustCompile(`\((?:[^()]*, )?(class|dsl|class and dsl)\)`)
	rubyAside = regexp.MustCompile(`\((?:[WECB][1-9][0-9]?(?:, )?)+\)`)
)

// inRuby reads a spec. An example names ids in its description, in what it says within in brackets, in the descriptions of its groups
// and the comments on them, and in the lists whose items are put into it; so it does with forms. What encloses a line is what stands
// before it and is indented less, as RuboCop has it.
func inRuby(_ *testing.T, text string) named {
	found, lines := named{}, strings.Split(text, "\n")
	for i, line := range lines {
		if !rubyTest.MatchString(line) {
			continue
		}
		ids, lists, forms := anID.FindAllString(line, -1), "", []string(nil)
		if m := rubyForms.FindStringSubmatch(line); m != nil {
			forms = append(forms, strings.Split(m[1], " and ")...)
		}
		for after := i + 1; after < len(lines) && (indent(lines[after]) > indent(lines[i]) || strings.TrimSpace(lines[after]) == ""); after++ {
			ids = append(ids, anID.FindAllString(strings.Join(rubyAside.FindAllString(lines[after], -1), " "), -1)...)
		}
		for _, around := range enclosing(lines, i) {
			if isGroup(around) {
				ids = append(ids, anID.FindAllString(around, -1)...)
				line += around
			}
			lists += around + "\n"
		}
		if strings.Contains(line, "#{") {
			for _, item := range rubyText.FindAllStringSubmatch(lists, -1) {
				ids = append(ids, anID.FindAllString(item[1], -1)...)
			}
			forms = append(forms, formWords(lists)...)
		}
		found.add(ids, forms)
	}
	return found
}

func isGroup(opening string) bool {
	lines := strings.Split(opening, "\n")
	return rubyGroup.MatchString(lines[len(lines)-1])
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// enclosing are the openings of the blocks around a line, each with the list that it goes over.
func enclosing(lines []string, at int) (found []string) {
	depth := indent(lines[at])
	for i := at - 1; i >= 0 && depth > 0; i-- {
		if strings.TrimSpace(lines[i]) == "" || indent(lines[i]) >= depth {
			continue
		}
		first := i
		depth = indent(lines[i])
		if begins := strings.TrimSpace(lines[i])[0]; begins == '}' || begins == ']' || begins == '.' {
			for first--; first > 0 && (strings.TrimSpace(lines[first]) == "" || indent(lines[first]) > depth); first-- {
			}
		}
		for first > 0 && strings.HasPrefix(strings.TrimSpace(lines[first-1]), "# ") {
			first--
		}
		found = append(found, strings.Join(lines[first:i+1], "\n"))
		i = first
	}
	return found
}

func TestAScanFindsWhatTestsName(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		read func(*testing.T, string) named
		text string
		want map[string]string
	}{
		"Go": {inGo, "package a\n" + `
// W7 and B1, and more.
func TestA(t *testing.T) { forms.Each(t) }
// C1
func TestB(t *testing.T) {
	// E6: blocked

	// E9
	cases{"E1 success": 1, "B1 B2 none": 2, "E3": 3, "W9\tno case": 4}
}
// W1
func helper() {}
`, map[string]string{"W7": "HandlerFunc StepHandler", "B1": "HandlerFunc StepHandler", "C1": "", "E6": "", "E9": "", "E1": "", "B2": ""}},
		"Python": {inPython, `"""E1 to E13."""
FIRST = ["class"]

@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    "case", [pytest.param(1, id="W2: linear")],
)
def test_w4_w14_more(
    form: str,
) -> None:
    """As C1 has it."""
    code = "B4"


def test_e2e_of_e8_alone() -> None:
    pass
`, map[string]string{"W2": "class dsl", "W4": "class dsl", "W14": "class dsl", "C1": "class dsl", "E8": ""}},
		"Python, a module of forms": {inPython, "pytestmark = pytest.mark.parametrize(\n    \"form\", [\"class\", \"dsl\"]\n)\n\ndef test_b1_x(form):\n    pass\n",
			map[string]string{"B1": "class dsl"}},
		"Ruby": {inRuby, `RSpec.describe A do
  %w[class dsl].each do |form|
    describe "of #{form}" do
      it "is one (W1, E1)" do
        code = "C7"
      end
    end
    it "is two (W2, #{form})" do
    end
  end

  {
    "W4" => %w[a],
    "five (W5)" => %w[b]
  }.each do |id, (name)|
    it "is #{id}" do
    end
    it "is none of them"
  end

  { "class" => "a", "dsl" => "b" }.each do |form, name|
    it "is three (B1, #{form})" do # C2
    end
  end

  it "is alone (W6, class)" do
  end

  it "is both (W14, class and dsl)" do
  end

  # B3
  describe "b" do
    it "is last" do
      expect(1).to be(1), "and says so (C9)"
    end
  end
end
`, map[string]string{"B3": "", "C9": "", "W14": "class dsl", "W1": "class dsl", "E1": "class dsl", "W2": "class dsl", "W4": "", "W5": "", "B1": "class dsl", "C2": "class dsl", "W6": "class"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			for id, forms := range tt.read(t, tt.text) {
				got[id] = strings.Join(slices.Sorted(maps.Keys(forms)), " ")
			}
			require.Equal(t, tt.want, got)
		})
	}
}
