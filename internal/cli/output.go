package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// format is how a command prints.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
)

// Set is called by the parser of the command line.
func (f *format) Set(s string) error {
	if s != string(formatText) && s != string(formatJSON) {
		return fmt.Errorf("must be %s or %s", formatText, formatJSON)
	}
	*f = format(s)
	return nil
}

// String is the format's name.
func (f *format) String() string { return string(*f) }

// Type names the kind of value in help texts.
func (f *format) Type() string { return "format" }

// addOutput gives a command the flag --output.
func addOutput(cmd *cobra.Command, f *format, asJSON string) {
	*f = formatText
	cmd.Flags().VarP(f, "output", "o", "text, or json for "+asJSON)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{string(formatText), string(formatJSON)}, cobra.ShellCompDirectiveNoFileComp))
}

// printJSON writes a value for programs, indented so that people can read it as well.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table lines up columns. The last one may be cut to fit the terminal.
type table struct{ rows [][]string }

func newTable(head ...string) *table { return &table{rows: [][]string{head}} }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table; a width of 0 is no bound.
func (t *table) print(out io.Writer, width int) error {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i := range row {
			row[i] = printable(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			if i == len(row)-1 {
				line.WriteString(cell)
			} else {
				fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
			}
		}
		b.WriteString(strings.TrimRight(clip(line.String(), width), " ") + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
