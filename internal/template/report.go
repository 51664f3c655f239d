package template

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/nearest"
)

// maxDiagnostics bounds the list, since a file of garbage can have as many problems as characters.
const maxDiagnostics = 1000

// report collects the problems of one template.
type report struct {
	file   string
	text   []byte // of the file; nil if the template did not come from one
	root   *tree  // the document
	strict bool
	lint   bool

	found []finding
	full  bool // there were more than maxDiagnostics
}

type finding struct {
	Diagnostic
	at span
}

// add reports a problem at a place. hint may be empty.
func (r *report) add(c Code, severity Severity, at span, path, message, hint string) {
	switch {
	case severity == SeverityInfo && !r.lint:
		return
	case len(r.found) >= maxDiagnostics:
		r.full = true
		return
	case severity == SeverityWarning && r.strict:
		severity = SeverityError
	}
	r.found = append(r.found, finding{
		Diagnostic: Diagnostic{Code: c, Name: codeInfo[c].Name, Severity: severity, File: r.file, Line: at.line, Column: at.column,
			Path: path, Message: message, Hint: hint},
		at: at,
	})
}

// at reports a problem of the value that the steps of the path lead to: names of fields and indices of lists. It stands
// at the nearest value that the document has. A value that is faulty already is not reported again.
func (r *report) at(c Code, hint, message string, path ...any) {
	node, at := r.root, r.root.at
	for _, part := range path {
		var next *tree
		switch part := part.(type) {
		case string:
			if e := node.entry(part); e != nil {
				next = e.value
			}
		case int:
			if part < len(node.items) {
				next = node.items[part]
			}
		}
		if next == nil {
			break
		}
		if next.faulty {
			return
		}
		node, at = next, next.at
	}
	r.add(c, codeInfo[c].Severity, at, pathText(path), message, hint)
}

// diagnostics closes the list.
func (r *report) diagnostics() Diagnostics {
	if len(r.found) == 0 {
		return nil
	}
	var quoted source
	if r.text != nil {
		quoted = newSource(r.text)
		for i := range r.found {
			f := &r.found[i]
			f.at = quoted.clamp(f.at)
			f.Line, f.Column = f.at.line, f.at.column
		}
	}
	slices.SortStableFunc(r.found, func(a, b finding) int {
		return cmp.Or(a.at.line-b.at.line, a.at.column-b.at.column)
	})
	list := make(Diagnostics, len(r.found))
	for i, f := range r.found {
		list[i] = f.Diagnostic
		list[i].Snippet = quoted.snippet(f.at)
	}
	if r.full {
		list = append(list, Diagnostic{Code: codeTooMany, Name: codeInfo[codeTooMany].Name, Severity: SeverityError, File: r.file,
			Message: fmt.Sprintf("there are more than %d problems; the rest is not listed", maxDiagnostics), Hint: "is this a task template?"})
	}
	return list
}

// suggest is the hint of which of the known names was meant. It looks no further after many problems, since by then nobody
// reads on, and each look compares with every name.
func (r *report) suggest(word string, known []string) (hint string) {
	const enough = 100
	if len(r.found) >= enough {
		return ""
	}
	if near := nearest.Word(word, known); near != "" {
		return didYouMean(near)
	}
	return ""
}

// pathText spells a path: steps[3].handler.callable.
func pathText(path []any) string {
	var b strings.Builder
	for _, part := range path {
		switch part := part.(type) {
		case int:
			b.WriteString("[" + strconv.Itoa(part) + "]")
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(part)
		}
	}
	return b.String()
}

// anyOfWords spells a choice of two or more: a, b or c.
func anyOfWords(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
