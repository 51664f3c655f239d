package template

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Severity says what a problem means for the template.
type Severity string

// How bad a problem is. A template with an error is not used.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Diagnostic is one problem of a template. Lines and columns count from 1, columns in characters; they are 0 for a
// template that did not come from a file, whose places are told by Path alone.
type Diagnostic struct {
	Code     Code     `json:"code"`
	Name     string   `json:"name"`
	Severity Severity `json:"severity"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	// Path leads to the value through the fields of the template, as in steps[3].handler.callable.
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	// Snippet is the line with its number, and a second line with carets under what is meant.
	Snippet string `json:"snippet,omitempty"`
	// Hint says what to do, where that is known.
	Hint string `json:"hint,omitempty"`
}

// place is file:line:column, or as much of it as is known.
func (d Diagnostic) place() string {
	switch {
	case d.Line > 0:
		return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
	case d.Path == "":
		return d.File
	default:
		return strings.TrimPrefix(d.File+" "+d.Path, " ")
	}
}

// String is the diagnostic in one line.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(string(d.Code))
	if place := d.place(); place != "" {
		b.WriteString(" " + place)
	}
	b.WriteString("  ")
	switch d.Severity {
	case SeverityWarning:
		b.WriteString("warning: ")
	case SeverityInfo:
		b.WriteString("note: ")
	}
	b.WriteString(d.Message)
	return b.String()
}

// Diagnostics are all problems of a template, in the order of the file.
type Diagnostics []Diagnostic

// Errors are the problems that keep the template from being used.
func (d Diagnostics) Errors() Diagnostics {
	var errs Diagnostics
	for _, one := range d {
		if one.Severity == SeverityError {
			errs = append(errs, one)
		}
	}
	return errs
}

// Err is an [*InvalidError] if there is any error among the problems, else nil.
func (d Diagnostics) Err() error {
	if errs := d.Errors(); len(errs) > 0 {
		return &InvalidError{Diagnostics: errs}
	}
	return nil
}

// Format writes the problems for people, each with its snippet and hint.
func (d Diagnostics) Format(w io.Writer) error {
	for _, one := range d {
		text := one.String()
		switch {
		case one.Snippet != "":
			text += "\n" + one.Snippet
			if one.Hint != "" {
				text += " " + one.Hint
			}
		case one.Hint != "":
			text += "\n  " + one.Hint
		}
		if _, err := io.WriteString(w, text+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// MarshalJSON writes an array, also where there is no problem.
func (d Diagnostics) MarshalJSON() ([]byte, error) {
	if d == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]Diagnostic(d))
}

// InvalidError reports a template that cannot be used.
type InvalidError struct {
	// Diagnostics are the errors, at least one.
	Diagnostics Diagnostics
}

func (e *InvalidError) Error() string {
	first := e.Diagnostics[0]
	text := "invalid task template: " + first.String()
	if first.Hint != "" {
		text += " (" + first.Hint + ")"
	}
	if more := len(e.Diagnostics) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
