package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Bounds of a template file. They are checked before anything is expanded or decoded.
const (
	MaxFileBytes = 256 << 10
	MaxFileSteps = 2_000
	MaxDepth     = 32
)

// readYAML reads one document into a tree and reports what a template file may not hold. It returns nil if there is no
// document to go on with. YAML's nodes are walked as they were written: an alias is refused where it stands and never
// followed, so nothing in the file can grow.
func (r *report) readYAML() *tree {
	if len(r.text) > MaxFileBytes {
		r.add(codeTooLarge, SeverityError, span{line: 1, column: 1}, "",
			fmt.Sprintf("the file is larger than %d bytes", MaxFileBytes), "declare very large workflows in code")
		return nil
	}
	if !utf8.Valid(r.text) {
		r.add(codeSyntax, SeverityError, invalidUTF8(r.text), "", "the file is not UTF-8 text", "")
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(r.text))
	if err != nil {
		r.syntaxError(err)
		return nil
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		r.add(codeDocuments, SeverityError, span{line: 1, column: 1}, "", "the file holds no template", "")
		return nil
	case err != nil:
		r.syntaxError(err)
		return nil
	}
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.syntaxError(err)
	default:
		r.add(codeDocuments, SeverityError, span{second.Line, second.Column, 3}, "", "the file holds a second document",
			"put each template into a file of its own")
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		r.add(codeDocuments, SeverityError, span{line: 1, column: 1}, "", "the file holds no template", "")
		return nil
	}
	return r.yamlNode(root, 1)
}

func invalidUTF8(text []byte) span {
	at := span{line: 1, column: 1, width: 1}
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		if c == utf8.RuneError && size == 1 {
			break
		}
		at.column++
		if c == '\n' {
			at.line, at.column = at.line+1, 1
		}
		text = text[size:]
	}
	return at
}

func (r *report) syntaxError(err error) {
	at, message, hint := span{line: 1, column: 1}, err.Error(), ""
	var load *yaml.LoadError
	if errors.As(err, &load) {
		message = load.Message
		if load.Mark.Line > 0 {
			at = span{load.Mark.Line, load.Mark.Column, 1}
		}
		if load.ContextMsg != "" {
			message += " " + load.ContextMsg
			if load.ContextMark.Line > 0 && load.ContextMark.Line != at.line {
				hint = fmt.Sprintf("it begins on line %d", load.ContextMark.Line)
			}
		}
	}
	if newSource(r.text).char(at) == '\t' {
		hint = "indent with spaces, not tabs"
	}
	r.add(codeSyntax, SeverityError, at, "", "this is not YAML: "+message, hint)
}

// yamlNode turns a YAML node into a tree.
func (r *report) yamlNode(n *yaml.Node, depth int) *tree {
	t := &tree{at: span{n.Line, n.Column, nodeWidth(n)}}
	refuse := func(c Code, message, hint string) *tree {
		t.faulty = true
		r.add(c, SeverityError, t.at, "", message, hint)
		return t
	}
	if n.Kind == yaml.AliasNode {
		return refuse(codeAlias, fmt.Sprintf("alias %s is not read", quote("*"+n.Value)), "write the value out")
	}
	if n.Anchor != "" {
		r.add(codeAlias, SeverityError, t.at, "", fmt.Sprintf("anchor %s is not read", quote("&"+n.Anchor)),
			"remove it, and write the value out where it is used")
	}
	if depth > MaxDepth {
		return refuse(codeTooDeep, fmt.Sprintf("values are nested more than %d deep", MaxDepth), "")
	}
	if n.Style&yaml.TaggedStyle != 0 && !jsonTag(n) {
		return refuse(codeTag, fmt.Sprintf("tag %s is not read", quote(n.Tag)), "remove it")
	}
	switch n.Kind {
	case yaml.MappingNode:
		t.kind = objectTree
		r.yamlMapping(t, n, depth)
	case yaml.SequenceNode:
		t.kind = listTree
		for _, item := range n.Content {
			t.items = append(t.items, r.yamlNode(item, depth+1))
		}
	default:
		if problem := t.scalar(n); problem != "" {
			return refuse(codeNotJSON, problem, "")
		}
	}
	return t
}

func jsonTag(n *yaml.Node) bool {
	switch tag := n.ShortTag(); n.Kind {
	case yaml.MappingNode:
		return tag == "!!map"
	case yaml.SequenceNode:
		return tag == "!!seq"
	default:
		return tag == "!!str" || tag == "!!int" || tag == "!!float" || tag == "!!bool" || tag == "!!null"
	}
}

func (r *report) yamlMapping(t *tree, n *yaml.Node, depth int) {
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := span{key.Line, key.Column, nodeWidth(key)}
		switch {
		case key.Anchor != "" || key.Kind == yaml.AliasNode:
			r.yamlNode(key, depth+1)
			continue
		case key.ShortTag() == "!!merge":
			r.add(codeAlias, SeverityError, at, "", "merge keys are not read", "write the fields out")
			r.yamlNode(value, depth+1) // for the aliases that it holds
			continue
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null":
			r.add(codeWrongType, SeverityError, at, "", "the name of a field is a plain text", "")
			continue
		case hasZeroByte(key.Value):
			r.add(codeNotJSON, SeverityError, at, "", zeroByteMessage, "")
			continue
		}
		if line, taken := lines[key.Value]; taken {
			r.add(codeDuplicateField, SeverityError, at, "", fmt.Sprintf("field %s is written twice", quote(key.Value)),
				fmt.Sprintf("the first is on line %d", line))
			continue
		}
		lines[key.Value] = key.Line
		t.entries = append(t.entries, entry{key: key.Value, at: at, value: r.yamlNode(value, depth+1)})
	}
}

// scalar sets a scalar's kind and text. It returns what keeps the value from being JSON.
func (t *tree) scalar(n *yaml.Node) (problem string) {
	switch n.ShortTag() {
	case "!!null":
		return ""
	case "!!bool":
		var flag bool
		if n.Decode(&flag) != nil {
			return fmt.Sprintf("%s is neither true nor false", quote(n.Value))
		}
		t.kind, t.text = flagTree, strconv.FormatBool(flag)
	case "!!int", "!!float":
		number, ok := yamlNumber(n)
		if !ok {
			return notJSONNumber(n.Value)
		}
		t.kind, t.text = numberTree, number
	default:
		if hasZeroByte(n.Value) {
			return zeroByteMessage
		}
		t.kind, t.text = textTree, n.Value
	}
	return ""
}

const zeroByteMessage = "the text holds a zero byte, which the database cannot store"

func hasZeroByte(text string) bool { return strings.IndexByte(text, 0) >= 0 }

func notJSONNumber(text string) string {
	return fmt.Sprintf("%s is not a number that JSON can hold", quote(text))
}

// finite tells whether a number is within the range of a float64, beyond which few languages read JSON.
func finite(number string) bool {
	_, err := strconv.ParseFloat(number, 64)
	return err == nil
}

// yamlNumber spells a number as JSON does, with the digits that were written where they are JSON's already.
func yamlNumber(n *yaml.Node) (text string, ok bool) {
	var number any
	if n.Decode(&number) != nil {
		return "", false
	}
	if f, isFloat := number.(float64); isFloat && (math.IsInf(f, 0) || math.IsNaN(f)) {
		return "", false
	}
	if json.Valid([]byte(n.Value)) {
		return n.Value, true
	}
	spelled, err := json.Marshal(number)
	return string(spelled), err == nil
}

// nodeWidth is how many characters to underline. YAML tells only where a value begins; what spans lines, or begins a
// list or mapping, is marked at its first character.
func nodeWidth(n *yaml.Node) int {
	switch {
	case n.Kind == yaml.AliasNode:
		return utf8.RuneCountInString(n.Value) + 1
	case n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0:
		return 1
	case strings.ContainsAny(n.Value, "\r\n"):
		return 1
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		return utf8.RuneCountInString(n.Value) + 2
	default:
		return max(1, utf8.RuneCountInString(n.Value))
	}
}
