package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/nearest"
)

// unknown says that a name is no key, and which key may have been meant.
func unknown(name string) string {
	if near := nearestKey(name); near != "" {
		return fmt.Sprintf("unknown key %s; did you mean %s?", name, near)
	}
	return fmt.Sprintf(`unknown key %s; "tasker config reference" lists all keys`, name)
}

// nearestKey returns the name that was probably meant, or "": a key or section spelt much the same, or a key of another
// section that ends in the same words.
func nearestKey(name string) string {
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
		d := nearest.Distance(name, candidate)
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
