package config

import (
	"fmt"
	"slices"
	"strings"
)

// unknown says that a name is no key, and which key may have been meant.
func unknown(name string) string {
	if near := nearest(name); near != "" {
		return fmt.Sprintf("unknown key %s; did you mean %s?", name, near)
	}
	return fmt.Sprintf(`unknown key %s; "tasker config reference" lists all keys`, name)
}

// nearest returns the name that was probably meant, or "": a key or section spelt much the same, or a key of another
// section that ends in the same words.
func nearest(name string) string {
	const longest = 200 // nothing longer is a misspelt key
	if len(name) > longest {
		return ""
	}
	parent, leaf := split(name)
	limit := 1 + len(name)/5
	if registry.hasSection(parent) {
		limit = 1 + len(leaf)/2
	}
	best, distance := "", longest
	for _, candidate := range registry.candidates() {
		d := editDistance(name, candidate)
		section, last := split(candidate)
		alike := d <= limit && (section == parent || !registry.hasSection(parent))
		moved := last == leaf && strings.Contains(leaf, "_")
		if d < distance && (alike || moved) {
			best, distance = candidate, d
		}
	}
	return best
}

// split takes the last part off a dotted name.
func split(name string) (parent, leaf string) {
	dot := strings.LastIndexByte(name, '.')
	return name[:max(dot, 0)], name[dot+1:]
}

// candidates are all names that may stand in a file.
func (t *table) candidates() []string {
	all := slices.Clone(t.names)
	for _, s := range t.sections[1:] {
		all = append(all, s.name)
	}
	return all
}

// editDistance counts the characters to insert, delete or replace to turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
