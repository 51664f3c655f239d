package template

import (
	"fmt"
	"strings"
	"unicode"
)

// source is a file's text, line by line, to quote from.
type source [][]rune

// lineBreaks are all that end a line in YAML.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

func newSource(text []byte) source {
	var s source
	for line := range strings.SplitSeq(lineBreaks.Replace(strings.TrimPrefix(string(text), "\ufeff")), "\n") {
		s = append(s, []rune(line))
	}
	return s
}

// clamp moves a place after the end of the text, where something was expected, to its end.
func (s source) clamp(at span) span {
	if at.line > len(s) {
		last := len(s)
		return span{last, len(s[last-1]) + 1, 1}
	}
	return at
}

// char is the character that stands first in the span, or 0.
func (s source) char(at span) rune {
	if at.line > len(s) || at.column > len(s[at.line-1]) {
		return 0
	}
	return s[at.line-1][at.column-1]
}

// quotedLength bounds a quoted line, in characters; a longer one is cut around what is meant.
const quotedLength = 100

// snippet quotes the line with its number, and puts carets under the span. It is empty for a place that is not known.
func (s source) snippet(at span) string {
	if at.line < 1 || at.line > len(s) {
		return ""
	}
	line := s[at.line-1]
	start := min(at.column-1, len(line))
	from, to := 0, len(line)
	if len(line) > quotedLength {
		from = max(0, start-quotedLength/3)
		to = min(len(line), from+quotedLength)
	}
	lead := fmt.Sprintf("  %d | ", at.line)
	blank := strings.Repeat(" ", len(lead))
	if from > 0 {
		lead += "…"
		blank += " "
	}
	tail := ""
	if to < len(line) {
		tail = "…"
	}
	before := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r // as wide below as it is above
		}
		return ' '
	}, string(line[from:start]))
	carets := strings.Repeat("^", max(1, min(at.width, to-start)))
	return lead + printable(line[from:to]) + tail + "\n" + blank + before + carets
}

// printable replaces what would move the cursor or hide text when a terminal shows it.
func printable(line []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, string(line))
}

// quote puts a word of the file into a message.
func quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
