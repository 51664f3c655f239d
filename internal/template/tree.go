package template

import (
	"encoding/json"
	"slices"
	"strings"
)

// tree is a document as it was written: JSON values, each with the place where it stands. Checks walk it; what they find
// faulty they mark, so that later checks stay silent about it.
type tree struct {
	kind    treeKind
	text    string // of a scalar: the text itself, the JSON number, or true or false
	items   []*tree
	entries []entry // in the order of the document
	at      span
	faulty  bool
}

// entry is a field of an object.
type entry struct {
	key   string
	at    span // of the key
	value *tree
}

// span is a stretch of one line; lines and columns count from 1, columns and widths in characters. The zero span stands
// for no known place.
type span struct{ line, column, width int }

type treeKind int

const (
	nullTree treeKind = iota
	flagTree
	numberTree
	textTree
	listTree
	objectTree
)

// entry finds a field.
func (t *tree) entry(key string) *entry {
	for i := range t.entries {
		if t.entries[i].key == key {
			return &t.entries[i]
		}
	}
	return nil
}

// value is the document as plain JSON values, without what is faulty: a field is left out, an item of a list is null, so
// that the others keep their index.
func (t *tree) value() any {
	if t.faulty {
		return nil
	}
	switch t.kind {
	case flagTree:
		return t.text == "true"
	case numberTree:
		return json.Number(t.text)
	case textTree:
		return t.text
	case listTree:
		list := make([]any, 0, len(t.items))
		for _, item := range t.items {
			list = append(list, item.value())
		}
		return list
	case objectTree:
		object := make(map[string]any, len(t.entries))
		for _, e := range t.entries {
			if !e.value.faulty {
				object[e.key] = e.value.value()
			}
		}
		return object
	default:
		return nil
	}
}

// newTree makes a tree of plain JSON values, which stand at no place.
func newTree(v any) *tree {
	switch v := v.(type) {
	case bool:
		if v {
			return &tree{kind: flagTree, text: "true"}
		}
		return &tree{kind: flagTree, text: "false"}
	case json.Number:
		return &tree{kind: numberTree, text: v.String()}
	case string:
		return &tree{kind: textTree, text: v}
	case []any:
		t := &tree{kind: listTree, items: make([]*tree, len(v))}
		for i, item := range v {
			t.items[i] = newTree(item)
		}
		return t
	case map[string]any:
		t := &tree{kind: objectTree, entries: make([]entry, 0, len(v))}
		for key, item := range v {
			t.entries = append(t.entries, entry{key: key, value: newTree(item)})
		}
		slices.SortFunc(t.entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		return t
	default:
		return &tree{}
	}
}

// describe says what the value is, for "must be …, not …".
func (t *tree) describe() string {
	switch t.kind {
	case flagTree:
		return t.text
	case numberTree:
		return "the number " + t.text
	case textTree:
		return "the text " + quote(t.text)
	case listTree:
		return "a list"
	case objectTree:
		return "a mapping"
	default:
		return "nothing"
	}
}
