package template

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// check compares one value with its shape. On the way it names fields by their proper names, drops those that are not
// known, and marks what cannot be used as faulty.
type check struct {
	*report
	node *tree
	is   *shape
	at   *trail
}

func (c check) run() {
	if c.node.faulty {
		return
	}
	switch c.is.kind {
	case textShape:
		c.text()
	case flagShape:
		if c.node.kind != flagTree {
			c.wrongType(flagHint(c.node.text))
		}
	case wholeShape:
		c.whole()
	case momentShape:
		if _, err := time.Parse(time.RFC3339, c.node.text); c.node.kind != textTree || err != nil {
			c.wrongType("")
		}
	case listShape:
		c.list()
	case objectShape, namedShape, freeShape:
		c.object()
	case schemaShape:
		if c.node.kind != objectTree {
			c.wrong(codeSchemaNotObject, fmt.Sprintf("%s must be a JSON Schema, an object; it is %s", c.subject(), c.node.describe()), "")
		}
	}
}

func (c check) text() {
	value := c.node.text
	if c.node.kind != textTree {
		hint := ""
		if c.node.kind == numberTree || c.node.kind == flagTree {
			hint = fmt.Sprintf("put it in quotes: %q", value)
		}
		c.wrongType(hint)
		return
	}
	switch length := utf8.RuneCountInString(value); {
	case c.is.enum != nil:
		for _, word := range c.is.enum {
			if value == word {
				return
			}
		}
		hint := cmp.Or(c.suggest(value, c.is.enum), "it is one of "+anyOfWords(c.is.enum))
		c.wrong(codeUnknownValue, fmt.Sprintf("unknown %s %s %s", c.at.name(), quote(value), c.at.up.where()), hint)
	case c.is.longest > 0 && length > c.is.longest:
		c.wrong(c.is.tooLong, fmt.Sprintf("%s has %d characters; it may have %d", c.subject(), length, c.is.longest), "")
	case c.is.pattern != nil && !c.is.pattern.MatchString(value):
		c.wrong(c.is.code, fmt.Sprintf("malformed %s %s %s", c.at.name(), quote(value), c.at.up.where()), c.is.expects)
	}
}

func (c check) whole() {
	if c.node.kind != numberTree || strings.ContainsAny(c.node.text, ".eE") {
		hint := ""
		if digits := leadingDigits(c.node.text); c.node.kind == textTree && digits != "" {
			hint = "write the number alone: " + digits
		}
		c.wrongType(hint)
		return
	}
	switch value, _ := strconv.ParseInt(c.node.text, 10, 64); { // what does not fit comes as the nearest that does
	case value < c.is.min:
		c.wrong(codeOutOfRange, fmt.Sprintf("%s must be at least %d, not %s", c.subject(), c.is.min, c.node.text), "")
	case value > c.is.max:
		c.wrong(codeOutOfRange, fmt.Sprintf("%s must be at most %d, not %s", c.subject(), c.is.max, c.node.text), "")
	}
}

func (c check) list() {
	if c.node.kind != listTree {
		hint := ""
		if c.node.kind == textTree && c.is.of.kind == textShape {
			hint = "write [" + c.node.text + "]"
		}
		c.wrongType(hint)
		return
	}
	for i, item := range c.node.items {
		label := ""
		if noun := c.is.of.noun; noun != "" {
			label = fmt.Sprintf("%s %d", noun, i+1)
			if name := item.entry("name"); name != nil && name.value.kind == textTree && name.value.text != "" {
				label = noun + " " + quote(name.value.text)
			}
		}
		check{c.report, item, c.is.of, &trail{c.at, i, label}}.run()
	}
}

func (c check) object() {
	switch {
	case c.node.kind != objectTree:
		c.wrongType("")
	case c.is.kind == objectShape:
		c.fields()
	case c.is.kind == namedShape:
		for _, e := range c.node.entries {
			check{c.report, e.value, c.is.of, &trail{c.at, e.key, c.is.of.noun + " " + quote(e.key)}}.run()
		}
	}
}

func (c check) fields() {
	seen, meant := make(map[string]entry, len(c.node.entries)), map[string]bool{}
	var kept []entry
	for _, e := range c.node.entries {
		k := c.is.find(e.key)
		if k == nil {
			meant[c.unknown(e)] = true
			continue
		}
		if first, taken := seen[k.name]; taken {
			c.add(codeDuplicateField, SeverityError, e.at, "", fmt.Sprintf("%s and %s are the same field", quote(first.key), quote(e.key)),
				fmt.Sprintf("keep one; the first is on line %d", first.at.line))
			continue
		}
		empty := !e.value.faulty && (e.value.kind == nullTree || e.value.kind == textTree && e.value.text == "")
		switch {
		case k.required && empty:
			c.missing(k, e.at)
			e.value.faulty = true
		case e.value.kind == nullTree && !e.value.faulty:
			continue // as if it were not written
		default:
			check{c.report, e.value, k.is, &trail{c.at, k.name, k.is.noun}}.run()
		}
		seen[k.name] = e
		kept = append(kept, entry{k.name, e.at, e.value})
	}
	c.node.entries = kept
	for i := range c.is.keys {
		k := &c.is.keys[i]
		if _, there := seen[k.name]; k.required && !there {
			if !meant[k.name] {
				c.missing(k, c.node.at)
			}
			c.node.entries = append(c.node.entries, entry{key: k.name, value: &tree{at: c.node.at, faulty: true}})
		}
	}
}

func (c check) missing(k *key, at span) {
	code := codeMissingField
	if k.missing != "" {
		code = k.missing
	}
	c.add(code, SeverityError, at, pathText(append(c.at.path(), k.name)), fmt.Sprintf("%s has no %s", c.at.object(), k.name), "")
}

// unknown reports a field that is not in the table. Far from any known one it may be a note, which does no harm; near
// one it is a setting that would silently not hold. It returns the field that was meant, if any.
func (c check) unknown(e entry) (meant string) {
	if c.full {
		return ""
	}
	severity, hint := SeverityWarning, "it has no effect"
	if meant = c.is.meant(e.key); meant != "" {
		severity, hint = SeverityError, didYouMean(meant)
	}
	c.add(codeUnknownField, severity, e.at, pathText(append(c.at.path(), e.key)),
		fmt.Sprintf("unknown field %s %s", quote(e.key), c.at.where()), hint)
	return meant
}

// wrong reports a value that cannot be used.
func (c check) wrong(code Code, message, hint string) {
	c.node.faulty = true
	c.add(code, codeInfo[code].Severity, c.node.at, pathText(c.at.path()), message, hint)
}

func (c check) wrongType(hint string) {
	c.wrong(codeWrongType, fmt.Sprintf("%s must be %s, not %s", c.subject(), c.is.describe(), c.node.describe()), hint)
}

// subject names the value at the start of a sentence: max_attempts in retry of step "a".
func (c check) subject() string {
	if c.at == nil {
		return "the template"
	}
	return c.at.name() + " " + c.at.up.where()
}

// trail is the way from the root to a value, innermost first; nil is the root. Paths and descriptions are made of it only
// where there is something to report.
type trail struct {
	up    *trail
	part  any    // the field or index that led here
	label string // of an object: what it is called, as in step "a"
}

func (t *trail) path() []any {
	if t == nil {
		return nil
	}
	return append(t.up.path(), t.part)
}

// name is the field, or the item of a list, that led here.
func (t *trail) name() string {
	if index, ok := t.part.(int); ok {
		return fmt.Sprintf("%v[%d]", t.up.part, index)
	}
	return fmt.Sprint(t.part)
}

// object names the objects that the way leads through, innermost first: retry of step "a".
func (t *trail) object() string {
	var labels []string
	for ; t != nil; t = t.up {
		if t.label != "" {
			labels = append(labels, t.label)
		}
	}
	if len(labels) == 0 {
		return "the template"
	}
	return strings.Join(labels, " of ")
}

func (t *trail) where() string { return "in " + t.object() }

func didYouMean(word string) string { return fmt.Sprintf("did you mean %q?", word) }

func flagHint(text string) string {
	switch strings.ToLower(text) {
	case "yes", "on", "true", "y", "1":
		return "write true"
	case "no", "off", "false", "n", "0":
		return "write false"
	}
	return ""
}

func leadingDigits(text string) string {
	return text[:len(text)-len(strings.TrimLeft(text, "0123456789"))]
}
