package config

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with the configuration. No text in it holds the value of a secret.
type Problem struct {
	Where string // file:line:column, environment variable or flag
	Key   string // dotted name of the key; empty when the problem is about a whole file
	Text  string // what is wrong and what to do about it
}

// Error is what [Load] returns: all problems at once, lowest layer first.
type Error struct {
	Problems []Problem
}

// shownProblems keeps a file written for another program from filling the screen.
const shownProblems = 25

func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return fmt.Sprintf("configuration: %s: %s", e.Problems[0].Where, e.Problems[0].Text)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d problems", len(e.Problems))
	for i, p := range e.Problems {
		if i == shownProblems {
			fmt.Fprintf(&b, "\n  … and %d more", len(e.Problems)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s: %s", p.Where, p.Text)
	}
	return b.String()
}
