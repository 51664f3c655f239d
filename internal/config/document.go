package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// setting is a value that one layer gives to a key.
type setting struct {
	key    *key
	value  any    // as the TOML decoder gives it, or text
	text   bool   // value is text to be converted to the key's type
	origin string // file:line:column, environment variable or flag
	shown  string // the value as the user wrote it, for errors
}

type position struct{ line, column int }

// parseTOML returns the settings of one file in the order they are written.
func parseTOML(file string, data []byte, env map[string]string) ([]setting, []Problem) {
	var root map[string]any
	if err := toml.Unmarshal(data, &root); err != nil {
		where := file
		var syntax *toml.DecodeError
		if errors.As(err, &syntax) {
			line, column := syntax.Position()
			where = fmt.Sprintf("%s:%d:%d", file, line, column)
		}
		return nil, []Problem{{Where: where, Text: strings.TrimPrefix(err.Error(), "toml: ")}}
	}
	d := document{file: file, env: env, positions: positions(data)}
	d.read(root, "")
	return d.settings, d.problems
}

type document struct {
	file      string
	env       map[string]string
	positions map[string]position
	settings  []setting
	problems  []Problem
}

func (d *document) read(table map[string]any, prefix string) {
	names := slices.SortedFunc(maps.Keys(table), func(a, b string) int {
		p, q := d.positions[join(prefix, a)], d.positions[join(prefix, b)]
		return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
	})
	for _, part := range names {
		name, value := join(prefix, part), table[part]
		if k := registry.keys[name]; k != nil {
			d.add(k, value)
			continue
		}
		child, isTable := value.(map[string]any)
		switch {
		case isTable && registry.hasSection(name):
			d.read(child, name)
		case registry.hasSection(name):
			d.problem(name, fmt.Sprintf("%s is a table, not a value; write [%s] and its keys below", name, name))
		default:
			d.problem(name, unknown(name))
		}
	}
}

func (d *document) add(k *key, value any) {
	s := setting{key: k, value: value, origin: d.where(k.name), shown: describe(value)}
	names, err := s.interpolate(d.env)
	if err != nil {
		d.problem(k.name, fmt.Sprintf("%s: %v", k.name, err))
		return
	}
	if len(names) > 0 {
		s.origin += " from " + strings.Join(names, ", ")
	}
	d.settings = append(d.settings, s)
}

// interpolate expands the references in a string or in the strings of a list.
func (s *setting) interpolate(env map[string]string) (names []string, err error) {
	switch v := s.value.(type) {
	case string:
		s.value, names, err = interpolate(v, env)
		s.text = len(names) > 0
	case []any:
		expanded := slices.Clone(v)
		for i, item := range v {
			text, ok := item.(string)
			if !ok {
				continue
			}
			var used []string
			if expanded[i], used, err = interpolate(text, env); err != nil {
				return nil, err
			}
			names = append(names, used...)
		}
		s.value = expanded
	}
	return names, err
}

func (d *document) problem(name, text string) {
	d.problems = append(d.problems, Problem{Where: d.where(name), Key: name, Text: text})
}

func (d *document) where(name string) string {
	p := d.positions[name]
	return fmt.Sprintf("%s:%d:%d", d.file, p.line, p.column)
}

// describe shows a TOML value in an error; of composed values only their kind.
func describe(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	default:
		return fmt.Sprint(v)
	}
}

// positions maps the dotted name of every key and table of a valid document to where it first stands.
func positions(data []byte) map[string]position {
	var p unstable.Parser
	p.Reset(data)
	found := map[string]position{}
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = note(&p, found, "", e.Key())
		case unstable.KeyValue:
			noteValue(&p, found, table, e)
		}
	}
	return found
}

func noteValue(p *unstable.Parser, found map[string]position, prefix string, e *unstable.Node) {
	name := note(p, found, prefix, e.Key())
	if e.Value().Kind != unstable.InlineTable {
		return
	}
	for it := e.Value().Children(); it.Next(); {
		noteValue(p, found, name, it.Node())
	}
}

func note(p *unstable.Parser, found map[string]position, prefix string, parts unstable.Iterator) string {
	for parts.Next() {
		prefix = join(prefix, string(parts.Node().Data))
		if _, seen := found[prefix]; !seen {
			start := p.Shape(parts.Node().Raw).Start
			found[prefix] = position{start.Line, start.Column}
		}
	}
	return prefix
}

// join appends one part to a dotted name. A part that needs quotes in TOML keeps them, so that it never reads as two.
func join(prefix, part string) string {
	bare := part != "" && !strings.ContainsFunc(part, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if !bare {
		part = strconv.Quote(part)
	}
	if prefix == "" {
		return part
	}
	return prefix + "." + part
}
