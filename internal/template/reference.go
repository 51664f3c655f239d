package template

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

//go:embed reference.md
var referenceIntroduction string

// ReferenceField is a field of the format as docs/template-reference.md lists it.
type ReferenceField struct {
	// Path names the field from the template's root; [] stands for each item of a list, {} for each name of a map.
	Path string
	// Takes says what it may hold, Default what it stands for when it is left out; "" if nothing.
	Takes, Default string
	Meaning        string
	// ShownBy is the test that shows the field's effect, as package and name.
	ShownBy string
}

// Reference lists every field of the format, in the order of the table that [Parse] reads.
func Reference() []ReferenceField { return templateShape.reference("") }

func (s *shape) reference(path string) (fields []ReferenceField) {
	switch s.kind {
	case listShape:
		return s.of.reference(path + "[]")
	case namedShape:
		return s.of.reference(path + "{}")
	case objectShape:
	default:
		return nil
	}
	for _, k := range s.keys {
		at := strings.TrimPrefix(path+"."+k.name, ".")
		f := ReferenceField{Path: at, Takes: k.is.takes(), Meaning: k.doc, ShownBy: shownBy[at]}
		if k.required {
			f.Default = "required"
		} else if k.def != nil {
			raw, err := json.Marshal(k.def)
			if err != nil {
				panic("template: the table of fields holds what JSON cannot: " + err.Error())
			}
			f.Default = string(raw)
		}
		if k.alias != "" {
			f.Meaning += " Also written " + k.alias + "."
		}
		fields = append(append(fields, f), k.is.reference(at)...)
	}
	return fields
}

// takes says in words what a value may be.
func (s *shape) takes() string {
	switch s.kind {
	case textShape:
		if s.enum != nil {
			return strings.Join(s.enum, ", ")
		}
		return fmt.Sprintf("text, at most %d characters", s.longest)
	case flagShape:
		return "true or false"
	case wholeShape:
		return fmt.Sprintf("a whole number, at least %d", s.min)
	case momentShape:
		return "a time"
	case listShape:
		return "a list"
	case namedShape:
		return "a map"
	case schemaShape:
		return "a JSON Schema"
	case objectShape, freeShape:
		return "an object"
	}
	return "any JSON"
}

// WriteReference writes the Markdown page that lists every field: docs/template-reference.md.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(referenceIntroduction)
	b.WriteString("\n| Field | Takes | Left out | Meaning | Shown by |\n|---|---|---|---|---|\n")
	for _, f := range Reference() {
		left := f.Default
		if left != "" && left != "required" {
			left = "`" + left + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Path, f.Takes, left, f.Meaning, f.ShownBy)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
