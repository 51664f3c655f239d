package template

import (
	"math"
	"regexp"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/nearest"
)

// shape says what a value may be. The shapes in keys.go describe the whole format.
type shape struct {
	kind shapeKind

	noun string // of an object: what it is called in messages
	keys []key  // of an object
	of   *shape // of the items of a list, or the values of an object with free names

	enum []string
	min  int64 // of a whole number
	max  int64

	longest int  // of a text, in characters; 0 is any length
	tooLong Code // of a longer text
	pattern *regexp.Regexp
	expects string // what the pattern asks for, in words
	code    Code   // of a text that does not match
}

// key is one field of an object.
type key struct {
	name    string
	alias   string   // another name with the same meaning
	instead []string // what people write for it by mistake
	is      *shape
	doc     string // one sentence, shown by editors

	required bool
	missing  Code // of a required field that is not there or empty; [codeMissingField] if not set
	def      any  // what a field that is left out stands for, for editors
}

type shapeKind int

const (
	textShape shapeKind = iota
	flagShape
	wholeShape
	momentShape
	listShape
	objectShape // fields from a table
	namedShape  // any names, values of one shape
	freeShape   // an object whose content is not ours
	jsonShape   // any JSON
	schemaShape // a JSON Schema
)

var (
	flag   = &shape{kind: flagShape}
	moment = &shape{kind: momentShape}
	free   = &shape{kind: freeShape}
	anyOf  = &shape{kind: jsonShape}
	schema = &shape{kind: schemaShape}
)

// text is at most so many characters long.
func text(longest int) *shape {
	return &shape{kind: textShape, longest: longest, tooLong: codeTooLong}
}

// matching is a text of a given form; expects says it in words and code names the problem.
func (s *shape) matching(pattern, expects string, c Code) *shape {
	s.pattern, s.expects, s.code = regexp.MustCompile(pattern), expects, c
	return s
}

// oneOf is one of the given words.
func oneOf[T ~string](words ...T) *shape {
	s := &shape{kind: textShape}
	for _, w := range words {
		s.enum = append(s.enum, string(w))
	}
	return s
}

// whole is a whole number within bounds, both included.
func whole(low, high int64) *shape { return &shape{kind: wholeShape, min: low, max: high} }

// atLeast is a whole number that fits the database's integer.
func atLeast(low int64) *shape { return whole(low, math.MaxInt32) }

func listOf(item *shape) *shape { return &shape{kind: listShape, of: item} }

func named(value *shape) *shape { return &shape{kind: namedShape, of: value} }

func object(noun string, keys ...key) *shape {
	return &shape{kind: objectShape, noun: noun, keys: keys}
}

// find looks a field up by its name or alias.
func (s *shape) find(name string) *key {
	for i := range s.keys {
		if k := &s.keys[i]; k.name == name || k.alias == name && name != "" {
			return k
		}
	}
	return nil
}

// meant guesses which field a name that is none was meant to be; it is empty if none is near.
func (s *shape) meant(name string) string {
	var known []string
	for _, k := range s.keys {
		for _, wrong := range k.instead {
			if wrong == strings.ToLower(name) {
				return k.name
			}
		}
		known = append(known, k.name)
		if k.alias != "" {
			known = append(known, k.alias)
		}
	}
	if near := nearest.Word(name, known); near != "" {
		return near
	}
	for _, k := range known {
		if strings.HasPrefix(k, strings.ToLower(name)+"_") {
			return k
		}
	}
	return ""
}

// describe says what a value of this shape is, for "x must be …".
func (s *shape) describe() string {
	switch s.kind {
	case flagShape:
		return "true or false"
	case wholeShape:
		return "a whole number"
	case momentShape:
		return "a time such as 2026-01-31T12:00:00Z"
	case listShape:
		return "a list"
	case objectShape, namedShape, freeShape, schemaShape:
		return "a mapping of fields"
	default:
		return "a text"
	}
}
